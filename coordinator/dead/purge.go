package dead

import (
	"context"
	"errors"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/recipe"
)

// Purge deletes letters of a job for good, all without ids, and returns how many those were. The
// job must have ended, and no replay of its letters may be on its way. A letter that is stored
// together with others leaves the disk with the last of them; it is not shown before.
func (b *Box) Purge(ctx context.Context, id recipe.JobID, ids []string) (int, error) {
	if _, err := b.atEnd(id, "purged"); err != nil {
		return 0, err
	}
	if len(ids) > maxIDs {
		return 0, coordinator.Faultf(coordinator.TooLarge, "%d dead letters are named; at most %d may be", len(ids), maxIDs)
	}
	var running recipe.JobID
	b.cfg.Jobs.All(func(j coordinator.Job) bool {
		if j.Parent == id && !j.State.Final() {
			running = j.ID
		}
		return running == ""
	})
	if running != "" {
		return 0, coordinator.Faultf(coordinator.Conflict, "the dead letters of job %s can't be purged: job %s replays some", id, running)
	}
	s, err := b.open(ctx, id)
	if err != nil || len(s.having) == 0 {
		if err == nil && len(ids) > 0 {
			err = noLetter(id, ids[0])
		}
		return 0, err
	}
	p := &purging{store: s, names: bus.Names{Job: id}, found: map[string]bool{}, messages: map[bus.DeadKey]*purge{}}
	for _, letter := range ids {
		p.found[letter] = false
	}
	n, err := p.run(ctx, ids)
	return n, unavailable(err)
}

// purging is a purge at work.
type purging struct {
	store    *Store
	names    bus.Names
	found    map[string]bool // by id; empty for all
	messages map[bus.DeadKey]*purge
	count    int
}

// purge is what goes of one message.
type purge struct {
	sheaf
	left int // letters that stay
}

func (p *purging) run(ctx context.Context, ids []string) (int, error) {
	err := p.store.Each(ctx, nil, func(l *Letter) error {
		m := p.messages[l.key]
		if m == nil {
			m = &purge{sheaf: sheaf{key: l.key}}
			p.messages[l.key] = m
		}
		if _, asked := p.found[l.ID]; !asked && len(ids) > 0 {
			m.left++
			return nil
		}
		p.found[l.ID] = true
		m.indexes = append(m.indexes, l.index)
		p.count++
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		if !p.found[id] {
			return 0, noLetter(p.names.Job, id)
		}
	}
	if err := p.unclaimed(ctx); err != nil {
		return 0, err
	}
	if len(ids) == 0 {
		return p.count, p.all(ctx)
	}
	return p.count, p.some(ctx)
}

// unclaimed refuses letters that a replay is taking whose job is not known yet.
func (p *purging) unclaimed(ctx context.Context) error {
	now, err := p.store.marks(ctx, p.names.Job)
	for key, m := range p.messages {
		if err == nil {
			err = p.store.free(p.names.Job, now[key], m.indexes, purged)
		}
	}
	return err
}

// all empties the job's stream of letters, and then what belongs to them.
func (p *purging) all(ctx context.Context) error {
	for _, what := range []struct{ stream, subjects string }{
		{p.names.Dead(), p.names.DeadAll()},
		{p.names.State(), p.names.ReplayedAll()},
		{p.names.Values(), p.names.ValuesPrefix() + ".>"},
	} {
		if err := p.store.conn.PurgeSubject(ctx, what.stream, what.subjects); err != nil && !errors.Is(err, bus.ErrNoStream) {
			return err
		}
	}
	return nil
}

// some marks letters as purged, and removes the messages of which none is left.
func (p *purging) some(ctx context.Context) error {
	var sheaves []*sheaf
	for _, m := range p.messages {
		if len(m.indexes) > 0 {
			sheaves = append(sheaves, &m.sheaf)
		}
	}
	if err := p.store.mark(ctx, p.names, sheaves, purged); err != nil {
		return err
	}
	for _, m := range p.messages {
		if len(m.indexes) == 0 || m.left > 0 {
			continue
		}
		if err := p.store.conn.PurgeSubject(ctx, p.names.Dead(), p.names.DeadLetters(m.key)); err != nil {
			return err
		}
		if err := p.store.conn.PurgeSubject(ctx, p.names.State(), p.names.Replayed(m.key)); err != nil {
			return err
		}
	}
	return nil
}
