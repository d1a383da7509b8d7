package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"sluice/internal/bus"
)

// serveChores does what workers ask for that may not make streams nor remove what is stored,
// until stop. It touches nothing that the loop owns, and a chore that is lost is asked for again.
func (r *run) serveChores() (stop func(), err error) {
	return r.conn.Serve(r.names.Chores(), "", func(ctx context.Context, _ string, data []byte) ([]byte, error) {
		var c bus.Chore
		if err := json.Unmarshal(data, &c); err != nil {
			return nil, fmt.Errorf("chore of job %s: %w", r.names.Job, err)
		}
		if c.Step < 0 || c.Step >= len(r.plan.Steps) {
			return nil, fmt.Errorf("chore of job %s: there is no step %d", r.names.Job, c.Step)
		}
		err := DoChore(ctx, r.conn, r.valuesConfig(), r.names, &c)
		if err != nil {
			r.log.Debug("a chore was not done", "step", c.Step, "err", err)
		}
		return nil, err
	})
}

// DoChore does what a worker asks for. values describes the job's stream of large values.
func DoChore(ctx context.Context, conn *bus.Conn, values bus.ObjectsConfig, names bus.Names, c *bus.Chore) error {
	if c.Values {
		if _, err := conn.Objects(ctx, values); err != nil {
			return err
		}
	}
	if _, err := conn.PurgeSubjectBelow(ctx, names.Input(), names.InputStep(c.Step), c.Input); err != nil {
		return err
	}
	if _, err := conn.PurgeSubjectBelow(ctx, names.Journal(), names.JournalStep(c.Step), c.Journal); err != nil {
		return err
	}
	if c.Revision == 0 {
		return nil
	}
	return dropPieces(ctx, conn, values, c.Step, c.Revision)
}

// dropPieces deletes the pieces of a step's large states of revisions below one, also those that
// a reign stored which did not live to save the record.
func dropPieces(ctx context.Context, conn *bus.Conn, values bus.ObjectsConfig, step int, below uint64) error {
	prefix := values.Prefix + ".m."
	all, err := conn.SubjectCounts(ctx, values.Stream, prefix+"*")
	if errors.Is(err, bus.ErrNoStream) {
		return nil // there never was a large value
	}
	if err != nil {
		return err
	}
	var done []string
	for subject := range all {
		name := strings.TrimPrefix(subject, prefix)
		if of, rev, ok := bus.PieceOf(name); ok && of == step && rev < below {
			done = append(done, name)
		}
	}
	store := conn.OpenObjects(values)
	return inParallel(done, func(name string) error { return store.Delete(ctx, name) })
}

// valuesConfig is that of the stream of large values, which is made when a worker first needs it.
func (r *run) valuesConfig() bus.ObjectsConfig {
	return bus.ObjectsConfig{Stream: r.names.Values(), Prefix: r.names.ValuesPrefix(), Replicas: r.cfg.Replicas}
}
