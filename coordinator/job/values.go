package job

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sluice/internal/bus"
)

// sweepValues deletes the large values of frames below the marks that were written:
// nobody reads them any more. Values of states, input logs and dead letters are left to
// those who wrote them. At most a few hundred are deleted at a time.
func (r *run) sweepValues(ctx context.Context) error {
	if r.values == nil {
		there, err := r.conn.HasStream(ctx, r.names.Values())
		if err != nil || !there {
			return err
		}
		r.values = r.conn.OpenObjects(valuesConfig(r.names, r.cfg.Replicas))
	}
	var done []string
	enough := errors.New("enough for now")
	err := r.conn.Scan(ctx, r.names.Values(), r.names.ValuesPrefix()+".m.*", 0, func(m *bus.Stored) error {
		name := m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]
		if r.valueDone(name) {
			done = append(done, name)
		}
		if len(done) >= valuesAtOnce {
			return enough
		}
		return nil
	})
	if err != nil && !errors.Is(err, enough) {
		return err
	}
	return inParallel(done, func(name string) error { return r.values.Delete(ctx, name) })
}

const valuesAtOnce = 256

// valueDone reports whether a name is that of a frame's payload below the mark. Workers
// name one for step, port and ordinal, one of an input log for step and chunk, which is n.
func (r *run) valueDone(name string) bool {
	var step, port, lane int
	var split uint32
	var n uint64
	if _, err := fmt.Sscanf(name, "s%d-p%d-%d-%d-%d", &step, &port, &split, &n, &lane); err != nil {
		if _, err := fmt.Sscanf(name, "input%d-%d-", &step, &n); err != nil {
			return false
		}
	}
	if step < 0 || step >= len(r.plan.Steps) || lane < 0 || lane >= len(r.plan.Steps[step].Lanes) {
		return false
	}
	mark, ok := r.written[r.plan.Steps[step].Lanes[lane].Source]
	return ok && mark.Below(split, n)
}
