package worker

import (
	"errors"
	"testing"

	"github.com/hashicorp/go-hclog"

	"sluice/recipe"
)

// TestMissedAmidDeliveries: what never came is missed though other frames come, and not while
// anything of what came is done.
func TestMissedAmidDeliveries(t *testing.T) {
	for name, row := range map[string]struct {
		between func(*unseen)
		want    error
	}{
		"nothing":    {func(*unseen) {}, errRestart},
		"deliveries": {func(u *unseen) { u.came() }, errRestart},
		"work":       {func(u *unseen) { u.came(); u.happened() }, nil},
	} {
		l := &ownerLoop{outbox: outbox{job: &jobRun{log: hclog.NewNullLogger()}, step: &recipe.Step{}}}
		l.unseen.happened()
		missed := func() error { return l.saw(&event{kind: evUnseen, seq: l.unseen.events, part: 1}) }
		if err := missed(); err != nil {
			t.Fatalf("at the first look: %v", err)
		}
		row.between(&l.unseen)
		if err := missed(); !errors.Is(err, row.want) {
			t.Errorf("with %s between: got %v, want %v", name, err, row.want)
		}
	}
}
