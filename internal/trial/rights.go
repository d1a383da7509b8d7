package trial

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"sluice/internal/bus"
	"sluice/internal/bus/natsconf"
)

// Rigs run with the rights of a cluster: workers with a worker's, and what provisions jobs with a
// coordinator's.
const password = "open to this test alone"

var accounts = []natsconf.Account{{Name: "trial", Users: []natsconf.User{
	{Name: "coordinator", Password: password, Role: natsconf.Coordinator},
	{Name: "worker", Password: password, Role: natsconf.Worker},
}}}

// seed is the file with the seed of a role, "" where the rig has passwords.
func (r *Rig) seed(role natsconf.Role) string {
	if r.config.Setup == "" {
		return ""
	}
	return filepath.Join(r.config.Setup, "trial", natsconf.SeedOf(role))
}

// shows is what a role shows the server: a seed, or without one its password.
func shows(role natsconf.Role, seed string) bus.Option {
	if seed != "" {
		return bus.SeedFile(seed)
	}
	return bus.User(string(role), password)
}

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
