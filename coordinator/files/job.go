package files

import (
	"context"
	"errors"
	"path"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/recipe"
)

// Keep makes artifacts of what the sinks of a job have made. It is called when all steps are done
// and before it is written that the job has succeeded; after a crash it is called again. reason
// says why there is no room, or "": then the job has failed.
func (s *Store) Keep(ctx context.Context, job recipe.JobID, owner string) (reason string, err error) {
	all, err := s.files.Made(ctx, job)
	if err != nil {
		return "", faultOf(err)
	}
	for _, m := range all {
		name, err := coordinator.FileName(m.Path)
		if err == nil {
			err = s.keep(ctx, m, &coordinator.Artifact{ID: made(job, m.Step), SHA256: m.SHA256, Name: name, Size: m.Size, Owner: owner,
				Job: job, Node: m.Node, Path: path.Clean(m.Path), Created: time.Now().UTC()})
		}
		switch coordinator.FamilyOf(err) {
		case coordinator.Invalid, coordinator.TooLarge, coordinator.OverLimit:
			return "node " + m.Node + ": the file " + m.Path + " can't be kept: " + err.Error(), nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", nil
}

func (s *Store) keep(ctx context.Context, m *bus.Manifest, a *coordinator.Artifact) error {
	if _, err := s.Artifact(a.ID); err != nil { // not kept before
		if limit := s.cfg.Limits.Size; m.Size > limit {
			return coordinator.Faultf(coordinator.TooLarge, "it has %d bytes; a file may have %d", m.Size, limit)
		}
		bytes := m.Size
		if s.named(m.SHA256) {
			bytes = 0
		}
		if err := s.room(1, bytes); err != nil {
			return err
		}
	}
	_, err := s.claim(ctx, a, &bus.Manifest{Size: m.Size, SHA256: m.SHA256, Parts: m.Parts, Created: a.Created})
	return err
}

// Settle removes what a job that has ended has left beside its artifacts: all that it wrote when
// it has failed or was cancelled. It may be called again.
func (s *Store) Settle(ctx context.Context, job recipe.JobID, succeeded bool) error {
	if !succeeded {
		if err := s.disown(ctx, job); err != nil {
			return err
		}
	}
	made, err := s.files.Made(ctx, job)
	if err != nil {
		return faultOf(err)
	}
	writers, err := s.files.Writers(ctx, job)
	if err != nil {
		return faultOf(err)
	}
	if len(writers) > 0 && (!succeeded || len(made) > 0) {
		if err := s.purge(ctx, writers, made); err != nil {
			return err
		}
	}
	if len(made) == 0 {
		return nil
	}
	return faultOf(s.files.ForgetMade(ctx, job))
}

// purge removes the chunks of a job's writers that no content has. Which have some is known from
// what the sinks have said; where they have said nothing, or that is forgotten, all are looked at.
func (s *Store) purge(ctx context.Context, writers []string, made []*bus.Manifest) error {
	used := map[string]bool{}
	use := func(m *bus.Manifest) error {
		for _, p := range m.Parts {
			used[p.Chunks] = true
		}
		return nil
	}
	for _, said := range made {
		m, err := s.files.Manifest(ctx, said.SHA256)
		if err == nil {
			_ = use(m)
			err = s.files.Trim(ctx, m)
		}
		if err != nil && !errors.Is(err, bus.ErrNotFound) {
			return faultOf(err)
		}
	}
	if len(made) == 0 {
		if err := s.files.Manifests(ctx, use); err != nil {
			return faultOf(err)
		}
	}
	for _, w := range writers {
		if !used[w] {
			if err := s.files.PurgeChunks(ctx, w); err != nil {
				return faultOf(err)
			}
		}
	}
	return nil
}

// Remove deletes the artifacts of a job that is being deleted. Those that another job reads, or a
// saved recipe names, stay as if they had been uploaded. It may be called again.
func (s *Store) Remove(ctx context.Context, job recipe.JobID) error {
	if err := s.cfg.Control.Current(ctx); err != nil {
		return err
	}
	all, _ := s.List(job, "", 0)
	if err := s.adopt(ctx, all); err != nil {
		return err
	}
	if err := s.unlist(ctx, all); err != nil {
		return err
	}
	if err := s.adopt(ctx, all); err != nil { // who was written before the removal is seen now
		return err
	}
	return s.collectAll(ctx, all)
}

// adopt makes uploads of those artifacts of a job that somebody needs.
func (s *Store) adopt(ctx context.Context, all []coordinator.Artifact) error {
	for _, a := range all {
		why, err := s.using(ctx, a.SHA256)
		if err != nil {
			return err
		}
		own := coordinator.Artifact{ID: uploaded(a.SHA256, a.Owner), SHA256: a.SHA256, Name: a.Name, Size: a.Size, Owner: a.Owner, Created: a.Created}
		if _, err := s.Artifact(own.ID); why == "" || err == nil {
			continue
		}
		if _, err := s.claim(ctx, &own, nil); err != nil && coordinator.FamilyOf(err) != coordinator.Unknown {
			return err
		}
		s.log.Info("an artifact of a job that is deleted is kept", "job", string(a.Job), "artifact", own.ID, "why", "it "+why)
	}
	return nil
}

// disown removes a job's artifacts.
func (s *Store) disown(ctx context.Context, job recipe.JobID) error {
	all, _ := s.List(job, "", 0)
	if err := s.unlist(ctx, all); err != nil {
		return err
	}
	return s.collectAll(ctx, all)
}

// unlist removes the records of artifacts.
func (s *Store) unlist(ctx context.Context, all []coordinator.Artifact) error {
	for _, a := range all {
		err := s.artifacts.Remove(ctx, a.ID, a.Revision)
		if f := coordinator.FamilyOf(err); err != nil && f != coordinator.Changed && f != coordinator.Unknown {
			return err
		}
	}
	return nil
}

func (s *Store) collectAll(ctx context.Context, all []coordinator.Artifact) error {
	var faults []error
	for _, a := range all {
		faults = append(faults, s.collect(ctx, a.SHA256))
	}
	return errors.Join(faults...)
}
