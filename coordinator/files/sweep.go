package files

import (
	"context"
	"errors"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/recipe"
)

// mark is a record that is written to know that all before it was seen.
type mark struct {
	At time.Time `json:"at"`
}

// seen returns when this coordinator has seen all records that were written before the call.
func (s *Store) seen(ctx context.Context) error {
	_, err := s.marks.Change(ctx, "mark", func(m *mark) error {
		m.At = time.Now().UTC()
		return nil
	})
	return err
}

// Sweep drops uploads that have expired, contents that no artifact has, and the chunks of
// writers that came to nothing. The leader calls it now and then; it may run on several
// coordinators at once, and may be called again after a fault. Its memory follows the number of
// chunks: see bus.Files.Writers.
func (s *Store) Sweep(ctx context.Context) error {
	if err := s.sweepUploads(ctx, time.Now()); err != nil {
		return err
	}
	writers, err := s.files.Writers(ctx, "")
	if err != nil {
		return faultOf(err)
	}
	jobs, err := s.files.MadeBy(ctx)
	if err != nil {
		return faultOf(err)
	}
	if err := s.seen(ctx); err != nil {
		return err
	}
	return errors.Join(s.sweepChunks(ctx, writers), s.sweepMade(ctx, jobs))
}

// sweepUploads drops the uploads that have expired, and finishes those at which somebody died.
func (s *Store) sweepUploads(ctx context.Context, now time.Time) error {
	for _, u := range s.expired(now) {
		if u.Finishing && !u.Done {
			if _, err := s.Finish(ctx, u.ID); err != nil {
				s.log.Warn("an upload that was being finished is not yet", "upload", u.ID, "err", err)
			}
			continue
		}
		if err := s.drop(ctx, u); err != nil && coordinator.FamilyOf(err) != coordinator.Changed {
			return err
		}
	}
	return nil
}

// sweepChunks removes the contents that no artifact has, and those chunks of writers, which were
// listed before all records were seen, that no content has.
func (s *Store) sweepChunks(ctx context.Context, writers []string) error {
	var idle []string
	for _, w := range writers {
		if !s.atWork(w) {
			idle = append(idle, w)
		}
	}
	var unnamed []*bus.Manifest
	used := map[string]bool{}
	err := s.files.Manifests(ctx, func(m *bus.Manifest) error {
		for _, p := range m.Parts {
			used[p.Chunks] = true
		}
		if !s.named(m.SHA256) {
			unnamed = append(unnamed, m)
		}
		return nil
	})
	if err != nil {
		return faultOf(err)
	}
	for _, m := range unnamed {
		if err := s.collect(ctx, m.SHA256); err != nil {
			return err
		}
	}
	for _, w := range idle {
		if !used[w] {
			if err := s.files.PurgeChunks(ctx, w); err != nil {
				return faultOf(err)
			}
		}
	}
	return nil
}

// sweepMade forgets what jobs have said of their files that are not at work any more: what was
// to be kept of it has been.
func (s *Store) sweepMade(ctx context.Context, jobs []recipe.JobID) error {
	for _, job := range jobs {
		if s.cfg.Live != nil && !s.cfg.Live(job) {
			if err := s.files.ForgetMade(ctx, job); err != nil {
				return faultOf(err)
			}
		}
	}
	return nil
}

func (s *Store) expired(now time.Time) (all []*upload) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.on {
		keep := s.cfg.Expire
		if u.Finishing {
			keep = finishesFor
		}
		if now.Sub(u.Touched) > keep {
			all = append(all, u)
		}
	}
	return all
}

// named reports whether an artifact has that content.
func (s *Store) named(sha256 string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.names[sha256] > 0
}

// atWork reports whether the writer of chunks may go on, or make a content of them.
func (s *Store) atWork(writer string) bool {
	upload, job := bus.ChunksOf(writer)
	if job != "" {
		return s.cfg.Live == nil || s.cfg.Live(job)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.on[upload] != nil
}

// collectSoon is collect for what was deleted: what it can't do now the sweep does.
func (s *Store) collectSoon(ctx context.Context, sha256 string) {
	if err := s.collect(ctx, sha256); err != nil {
		s.log.Warn("a content that no artifact has was not removed yet", "sha256", sha256, "err", err)
	}
}

// collect removes a content unless an artifact has it, or somebody needs it. See the package's comment for the order.
func (s *Store) collect(ctx context.Context, sha256 string) error {
	m, err := s.files.Manifest(ctx, sha256)
	if errors.Is(err, bus.ErrNotFound) {
		return nil
	}
	if err != nil {
		return faultOf(err)
	}
	if err := s.seen(ctx); err != nil {
		return err
	}
	if s.named(sha256) {
		return nil
	}
	if why, err := s.using(ctx, sha256); why != "" || err != nil {
		return err // who deletes the artifact is about to put it back
	}
	if err := s.files.DropManifest(ctx, m); err != nil {
		return faultOf(err)
	}
	if _, err = s.files.Manifest(ctx, sha256); !errors.Is(err, bus.ErrNotFound) {
		return faultOf(err) // somebody has touched it, or made it anew
	}
	for _, p := range m.Parts {
		if !s.atWork(p.Chunks) {
			if err := s.files.PurgeChunks(ctx, p.Chunks); err != nil {
				return faultOf(err)
			}
		}
	}
	return nil
}
