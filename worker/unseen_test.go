package worker

import (
	"errors"
	"testing"

	"github.com/hashicorp/go-hclog"

	"sluice/internal/bus"
	"sluice/recipe"
)

// TestSilentConsumer: a reign whose consumer does not answer for several looks begins again; one
// that answers meanwhile, or something that happens, begins the count anew.
func TestSilentConsumer(t *testing.T) {
	l := &ownerLoop{outbox: outbox{job: &jobRun{log: hclog.NewNullLogger()}, step: &recipe.Step{Node: "sum"}}}
	look := func(err error) error { return l.saw(&event{kind: evUnseen, seq: l.unseen.events, err: err}) }
	silent := func(times int) {
		t.Helper()
		for range times {
			if err := look(bus.ErrTimeout); err != nil {
				t.Fatalf("got %v, too early", err)
			}
		}
	}
	silent(unseenSilent - 1)
	if err := look(nil); err != nil {
		t.Fatal(err)
	}
	silent(unseenSilent - 1)
	l.unseen.happened()
	silent(unseenSilent - 1)
	if err := look(bus.ErrTimeout); !errors.Is(err, errRestart) {
		t.Errorf("got %v, want a new reign", err)
	}
}
