package trial_test

import (
	"flag"
	"os"
	"testing"
	"time"

	"sluice/internal/trial"
	"sluice/recipe"
)

// The long forms of the suite: `make lasting` runs them.
var long = flag.Bool("long", false, "run the long forms of the tests")

func TestMain(m *testing.M) {
	flag.BoolVar(&trial.Loud, "loud", false, "log what the rigs do")
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("4") // most of the time is spent waiting
	}
	os.Exit(trial.Main(m, os.Getenv(trial.WorkerEnv), trial.Catalogue()))
}

// seenWhen calls f when a node has taken n records.
func seenWhen(node string, n int64, f func()) func(recipe.Progress) {
	return func(p recipe.Progress) {
		for _, s := range p.Steps {
			if s.Node == node && s.In >= n {
				f()
			}
		}
	}
}

func timeout(seconds int) <-chan time.Time { return time.After(time.Duration(seconds) * time.Second) }

// clocked leaves a test out of the short form, which the race detector takes: it holds a
// rate of the machine against a bound.
func clocked(t *testing.T) {
	if testing.Short() {
		t.Skip("a bound on a rate, with the race detector: not in the short form")
	}
}
