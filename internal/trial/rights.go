package trial

import (
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"sluice/internal/bus/natsconf"
)

// Rigs run with the rights of a cluster: workers with a worker's, and what provisions jobs with a
// coordinator's.
const password = "open to this test alone"

var accounts = []natsconf.Account{{Name: "trial", Users: []natsconf.User{
	{Name: "coordinator", Password: password, Role: natsconf.Coordinator},
	{Name: "worker", Password: password, Role: natsconf.Worker},
}}}

// watchful is the log of a rig's server: the test fails when somebody tries what it has no right
// to, which else only a deadline would show, or nothing.
func watchful(t testing.TB, log hclog.Logger) hclog.Logger {
	watch := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "nats", Level: hclog.Error, Output: violations{t}})
	if Loud {
		watch.RegisterSink(hclog.NewSinkAdapter(&hclog.LoggerOptions{Level: hclog.Debug, Output: log.StandardWriter(&hclog.StandardLoggerOptions{})}))
	}
	return watch
}

type violations struct{ t testing.TB }

// Write implements io.Writer.
func (v violations) Write(line []byte) (int, error) {
	if strings.Contains(string(line), "Violation") {
		v.t.Errorf("without the right to it: %s", line)
	}
	return len(line), nil
}
