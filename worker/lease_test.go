package worker

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"sluice/internal/bus"
)

// TestLeaseOfAnotherStart takes the lease of an earlier start of the job at once, and
// leaves that of a later one alone.
func TestLeaseOfAnotherStart(t *testing.T) {
	for _, row := range []struct {
		held uint64
		want error
	}{{1, nil}, {3, errLater}} {
		r := journaled(t)
		r.rec.Generation, r.rec.Lease = 2, time.Hour
		err := r.conn.EnsureStream(t.Context(), bus.StreamConfig{Name: r.names.State(), Subjects: []string{r.names.StateAll()}, MaxMsgsPerSubject: 1, AllowDirect: true})
		if err != nil {
			t.Fatal(err)
		}
		held, _ := json.Marshal(bus.Lease{Worker: "other", Generation: row.held, Epoch: 7})
		if out := r.pub.PutSync(t.Context(), bus.Put{Subject: r.names.Lease(0), Data: held}); out.Err != nil {
			t.Fatal(out.Err)
		}
		l, err := r.acquire(t.Context(), &r.plan.Steps[0])
		if !errors.Is(err, row.want) || err == nil && l.epoch != 8 {
			t.Errorf("lease of start %d, seen from start 2: got %+v, %v, want %v", row.held, l, err, row.want)
		}
	}
}
