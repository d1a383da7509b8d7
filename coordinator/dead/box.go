package dead

import (
	"context"
	"errors"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/job"
	"sluice/internal/bus"
	"sluice/nodes"
	"sluice/recipe"
)

// Jobs are a project's jobs, as the service keeps them.
type Jobs interface {
	All(f func(coordinator.Job) bool)
	Job(id recipe.JobID) (coordinator.Job, error)
	Spec(ctx context.Context, id recipe.JobID) (*coordinator.Spec, error)
	Keyed(ctx context.Context, id recipe.JobID) (*coordinator.Spec, error)
	Submit(ctx context.Context, s *coordinator.Spec) (job coordinator.Job, again bool, err error)
}

// BoxConfig says whose dead letters a box has. All but Turn, Admit and Stay must be set.
type BoxConfig struct {
	Conn *bus.Conn
	Jobs Jobs
	// Turns is a table of the control plane, where all coordinators of the project have it.
	Turns Turns
	// Catalogue returns the kinds that plans of replays are made with.
	Catalogue func() *nodes.Catalogue
	// Turn waits for a turn to make the plans of a replay in, which is over when end is called. Nil
	// waits for none.
	Turn func(context.Context) (turn context.Context, end func(), err error)
	// Admit submits the job of that id which prepare makes, where its owner may have one more. Nil
	// submits it at once.
	Admit func(ctx context.Context, owner string, id recipe.JobID, prepare func(context.Context) (*coordinator.Spec, error)) (job coordinator.Job, again bool, err error)
	// Stay returns a job that was admitted before under its key, which is taken back by nobody from then
	// on, or the fault for which it was. Nil returns it as it is.
	Stay func(ctx context.Context, spec *coordinator.Spec) (job coordinator.Job, again bool, err error)
}

// Box is the dead letters of a project's jobs in the service: read page by page while jobs run,
// replayed as jobs of the queue, and purged. All methods may be called from any goroutine.
//
// A replay that was deleted, or had failed or was cancelled, has no letters any more: they can be
// replayed again.
type Box struct{ cfg BoxConfig }

// NewBox returns the box of a project.
func NewBox(c BoxConfig) *Box {
	if c.Admit == nil {
		c.Admit = func(ctx context.Context, _ string, _ recipe.JobID, prepare func(context.Context) (*coordinator.Spec, error)) (coordinator.Job, bool, error) {
			spec, err := prepare(ctx)
			if err != nil {
				return coordinator.Job{}, false, err
			}
			return c.Jobs.Submit(ctx, spec)
		}
	}
	if c.Stay == nil {
		c.Stay = c.Jobs.Submit // makes nothing
	}
	if c.Turn == nil {
		c.Turn = func(ctx context.Context) (context.Context, func(), error) { return ctx, func() {}, nil }
	}
	return &Box{cfg: c}
}

// standsFor is how long the marks of a replay keep others away before its job is known; the job
// is submitted within claimWithin of the first, or not at all. Between the two is room for
// clocks that differ.
const (
	claimWithin = 20 * time.Second
	standsFor   = 3 * time.Minute
)

// open returns a store of one job's letters. It has no job when nothing of it is stored yet.
func (b *Box) open(ctx context.Context, id recipe.JobID) (*Store, error) {
	if _, err := b.cfg.Jobs.Job(id); err != nil {
		return nil, err
	}
	s := &Store{conn: b.cfg.Conn, taken: map[recipe.JobID][]sheaf{}, find: b.find, stands: standsFor}
	rec, err := job.Stored(ctx, s.conn, id)
	if errors.Is(err, job.ErrNone) {
		return s, nil
	}
	if err != nil {
		return nil, unavailable(err)
	}
	s.jobs = []*bus.JobRecord{rec}
	switch st, err := s.conn.StreamState(ctx, bus.Names{Job: id}.Dead()); {
	case errors.Is(err, bus.ErrNoStream):
	case err != nil:
		return nil, unavailable(err)
	case st.Msgs > 0:
		s.having = []recipe.JobID{id}
	}
	return s, nil
}

// find tells of a job that a mark names.
func (b *Box) find(id recipe.JobID) (parent recipe.JobID, state recipe.JobState, known bool) {
	j, err := b.cfg.Jobs.Job(id)
	return j.Parent, j.State, err == nil
}

// atEnd refuses what is done with the letters of a job that has ended: one that goes on may
// give them up once more, and write what a replay writes.
func (b *Box) atEnd(id recipe.JobID, what string) (coordinator.Job, error) {
	j, err := b.cfg.Jobs.Job(id)
	if err == nil && !j.State.Final() {
		err = coordinator.Faultf(coordinator.Conflict, "job %s is %s: its dead letters are %s when it is at its end", id, j.State, what)
	}
	return j, err
}

// unavailable is the fault of a store that does not answer; a fault stays what it is.
func unavailable(err error) error {
	if err == nil || coordinator.FamilyOf(err) != "" {
		return err
	}
	return coordinator.Faultf(coordinator.Unavailable, "dead letters can't be read now: %w", err)
}
