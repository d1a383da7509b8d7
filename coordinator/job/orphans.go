package job

import (
	"context"
	"errors"
	"slices"
	"strings"

	"sluice/internal/bus"
	"sluice/recipe"
)

// Orphans removes streams of jobs that no job needs: of one that has ended, where the coordinator
// died before it had removed them, and of one that is not stored any more, where a coordinator that
// was away has made one late. It is for one goroutine of the coordinator that leads.
type Orphans struct{ seen map[string]bool }

// Sweep removes those that the sweep before has seen, too: what is being made or removed right now
// is left alone. It returns their names. It may be called again after an error.
func (o *Orphans) Sweep(ctx context.Context, conn *bus.Conn) ([]string, error) {
	all, err := conn.Streams(ctx, streamPrefix)
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	var removed []string
	needs := map[recipe.JobID]func(string) bool{}
	for _, name := range all {
		id, ok := jobOfStream(name)
		if !ok {
			continue
		}
		if needs[id] == nil {
			if needs[id], err = needed(ctx, conn, id); err != nil {
				return removed, err
			}
		}
		if needs[id](name) {
			continue
		}
		if !o.seen[name] {
			found[name] = true
			continue
		}
		if err := conn.DeleteStream(ctx, name); err != nil {
			return removed, err
		}
		removed = append(removed, name)
	}
	o.seen = found
	return removed, nil
}

// streamPrefix is that of the streams of all jobs, and of some that are of none.
const streamPrefix = "SLUICE_"

// jobOfStream returns the job whose stream has that name.
func jobOfStream(name string) (recipe.JobID, bool) {
	id := strings.TrimPrefix(name, streamPrefix)
	end := strings.LastIndexByte(id, '_')
	if end <= 0 {
		return "", false
	}
	return recipe.JobID(id[:end]), true
}

// needed says which streams a job needs: all until it has ended, then those that conclude keeps.
func needed(ctx context.Context, conn *bus.Conn, id recipe.JobID) (func(stream string) bool, error) {
	rec, err := Stored(ctx, conn, id)
	switch {
	case errors.Is(err, ErrNone):
		return func(string) bool { return false }, nil
	case err != nil:
		return nil, err
	case !rec.State.Final():
		return func(string) bool { return true }, nil
	}
	n := bus.Names{Job: id}
	kept := []string{n.State(), n.Dead(), n.Values()}
	return func(stream string) bool { return slices.Contains(kept, stream) }, nil
}
