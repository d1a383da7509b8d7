package dead

import (
	"context"
	"fmt"
	"maps"
	"time"

	"sluice/coordinator"
	"sluice/recipe"
)

// Turn is who writes the files of a family of jobs, by the node of the sink. Replays that write the
// same one take it by compare-and-set, at whichever coordinator they are asked for.
type Turn struct {
	Writes map[string]Taken `json:"writes"`
}

// Taken says which replay has a sink, and since when.
type Taken struct {
	Job recipe.JobID `json:"job"`
	At  time.Time    `json:"at"`
}

// Turns keeps turns by key; a store.Table is one.
type Turns interface {
	Read(ctx context.Context, key string) (*Turn, uint64, error)
	Change(ctx context.Context, key string, f func(*Turn) error) (uint64, error)
	Remove(ctx context.Context, key string, rev uint64) error
}

// notNow is the error of a turn that another replay has.
type notNow struct{ by recipe.JobID }

// Error implements error.
func (n *notNow) Error() string { return fmt.Sprintf("job %s writes the same files", n.by) }

// turnKey is where the turn of a family is kept. It has a part more than the records of a job, which
// a revision of the job is the latest of.
func turnKey(root recipe.JobID) string { return "of." + string(root) }

// take takes the sinks for a replay, or is a *notNow.
func (b *Box) take(ctx context.Context, root, replay recipe.JobID, writes []string) error {
	if len(writes) == 0 {
		return nil
	}
	_, err := b.cfg.Turns.Change(ctx, turnKey(root), func(t *Turn) error {
		maps.DeleteFunc(t.Writes, func(_ string, had Taken) bool { return had.Job == replay || !b.has(had) })
		for _, w := range writes {
			if had, taken := t.Writes[w]; taken {
				return &notNow{had.Job}
			}
		}
		if t.Writes == nil {
			t.Writes = map[string]Taken{}
		}
		for _, w := range writes {
			t.Writes[w] = Taken{replay, time.Now().UTC()}
		}
		return nil
	})
	return err
}

// has reports whether a replay still has what it took: it has not ended, or may become known.
func (b *Box) has(t Taken) bool {
	j, err := b.cfg.Jobs.Job(t.Job)
	if err != nil {
		return time.Since(t.At) < standsFor
	}
	return !j.State.Final()
}

// giveBack gives up what a replay took that will not be. What stays is free when its time is up.
func (b *Box) giveBack(ctx context.Context, root, replay recipe.JobID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseWithin)
	defer cancel()
	_, _ = b.cfg.Turns.Change(ctx, turnKey(root), func(t *Turn) error {
		maps.DeleteFunc(t.Writes, func(_ string, had Taken) bool { return had.Job == replay })
		return nil
	})
}

// Forget removes what is kept of a job's family, when the job is deleted. It may be called again.
func (b *Box) Forget(ctx context.Context, id recipe.JobID) error {
	_, rev, err := b.cfg.Turns.Read(ctx, turnKey(id))
	if err == nil {
		err = b.cfg.Turns.Remove(ctx, turnKey(id), rev)
	}
	if coordinator.FamilyOf(err) == coordinator.Unknown {
		return nil
	}
	return err
}
