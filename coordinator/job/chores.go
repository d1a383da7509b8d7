package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

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
		switch err := r.chore(ctx, &c); {
		case err == nil:
			return nil, nil
		case errors.Is(err, errRefused):
			return nil, err
		case errors.Is(err, bus.ErrStore):
			return []byte(bus.ChoreFull), nil
		default: // the server is in trouble, or this run is over: it passes, or another one answers
			r.log.Debug("a chore was not done", "step", c.Step, "make", c.Make, "err", err)
			return []byte(bus.ChoreAgain), nil
		}
	})
}

// errRefused is that of a chore which no coordinator will ever do.
var errRefused = errors.New("refused")

// errNotMine is that of a chore of a job which this run does not have any more.
var errNotMine = errors.New("this is not the run that the job has now")

// chore does one, and knows from then on what streams there are.
func (r *run) chore(ctx context.Context, c *bus.Chore) error {
	if c.Make == "" {
		return DoChore(ctx, r.conn, r.names, r.cfg.Replicas, c)
	}
	r.late.mu.Lock()
	defer r.late.mu.Unlock()
	switch rec, err := Stored(ctx, r.conn, r.names.Job); {
	case err != nil:
		return err
	case rec.Generation != r.late.generation || rec.State.Final():
		return errNotMine
	}
	if name := r.names.Later(c.Make); r.late.made[name] {
		// One that is gone is not made again: what was in it would be missed by nobody.
		_, err := r.conn.StreamState(ctx, name)
		if errors.Is(err, bus.ErrNoStream) {
			err = fmt.Errorf("%s: %w", goneReason(name), errRefused)
		}
		return err
	}
	if err := DoChore(ctx, r.conn, r.names, r.cfg.Replicas, c); err != nil {
		return err
	}
	if c.Make == bus.LaterValues { // a value that is missing is missed by who reads it
		return nil
	}
	if out := r.pub.PutSync(ctx, bus.Put{Subject: r.names.Made(c.Make), Data: []byte("{}")}); out.Err != nil {
		return out.Err
	}
	r.late.made[r.names.Later(c.Make)] = true
	return nil
}

// lateStreams are those of the job's streams that exist because a worker asked for them, by name.
type lateStreams struct {
	mu         sync.Mutex
	made       map[string]bool // guarded by mu, as all below
	generation uint64          // of this run, once it has claimed the job
}

// find looks which ones earlier starts of the job have made, and returns the name of one that is
// gone, "" when all are there.
func (l *lateStreams) find(ctx context.Context, r *run) (gone string, err error) {
	if r.rec.Generation == 0 {
		return "", nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, which := range []bus.Later{bus.LaterDead, bus.LaterInput} {
		name := r.names.Later(which)
		_, err := r.conn.StreamState(ctx, name)
		if err == nil {
			l.made[name] = true
			continue
		}
		if !errors.Is(err, bus.ErrNoStream) {
			return "", err
		}
		switch _, err := r.conn.Last(ctx, r.names.State(), r.names.Made(which)); {
		case err == nil:
			gone = name
		case !errors.Is(err, bus.ErrNotFound) && !errors.Is(err, bus.ErrNoStream):
			return "", err
		}
	}
	return gone, nil
}

// names lists them.
func (l *lateStreams) names() (all []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name := range l.made {
		all = append(all, name)
	}
	return all
}

// claimed says which start of the job this is.
func (l *lateStreams) claimed(generation uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.generation = generation
}

// DoChore does what a worker asks for. A stream that it makes has so many replicas; 0 is 1.
func DoChore(ctx context.Context, conn *bus.Conn, names bus.Names, replicas int, c *bus.Chore) error {
	values := valuesConfig(names, replicas)
	var err error
	switch c.Make {
	case "":
	case bus.LaterValues:
		_, err = conn.Objects(ctx, values)
	case bus.LaterDead:
		err = conn.EnsureStream(ctx, onceStream(names.Dead(), names.DeadAll(), replicas))
	case bus.LaterInput:
		err = conn.EnsureStream(ctx, onceStream(names.Input(), names.InputAll(), replicas))
	default:
		err = fmt.Errorf("a job has no stream of %q: %w", c.Make, errRefused)
	}
	if err != nil {
		return err
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

// valuesConfig is that of the stream of large values.
func valuesConfig(names bus.Names, replicas int) bus.ObjectsConfig {
	return bus.ObjectsConfig{Stream: names.Values(), Prefix: names.ValuesPrefix(), Replicas: replicas}
}
