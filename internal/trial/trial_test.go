package trial_test

import (
	"flag"
	"os"
	"testing"

	"sluice/internal/trial"
)

// The long forms of the suite are run by hand and at night.
var long = flag.Bool("long", false, "run the long forms of the tests")

func TestMain(m *testing.M) {
	flag.BoolVar(&trial.Loud, "loud", false, "log what the rigs do")
	os.Exit(trial.Main(m, os.Getenv(trial.WorkerEnv), trial.Catalogue()))
}
