package files

import (
	"context"
	"errors"
	"slices"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus"
)

// The chunks of an upload are removed by who has removed its record before, and the content that is
// made of them must not appear behind that. So who finishes an upload first marks its record, and
// has done so within finishWithin or not at all; one that was marked a short while ago is
// not given up. Where several finish it, who comes later can't know whether the others are still at
// it: it leaves the record, which keeps the chunks, and the sweep removes it. What nobody has brought
// to its end the sweep finishes.
const (
	finishWithin = time.Minute
	finishesFor  = 10 * finishWithin // after its mark an upload counts as being finished; clocks differ
	finishTries  = 100
)

// finishing reports whether somebody may be at finishing the upload.
func (u *upload) finishing(now time.Time) bool {
	return u.Finishing && now.Sub(u.Touched) < finishesFor
}

// Finish makes an upload that is whole an artifact. One that lacks something is Conflict; where
// the digest is not what it was said to be, the upload is dropped and it is Invalid. After a fault
// it may be called again.
func (s *Store) Finish(ctx context.Context, id string) (coordinator.Artifact, error) {
	ctx, cancel := context.WithTimeout(ctx, finishWithin)
	defer cancel()
	u, digest, alone, err := s.mark(ctx, id)
	if err != nil {
		return coordinator.Artifact{}, err
	}
	own := &bus.Manifest{Size: u.Size, SHA256: digest, Parts: u.Parts, Created: time.Now().UTC()}
	m, err := s.claim(ctx, artifactOf(&u.Upload, digest), own)
	if err != nil {
		if f := coordinator.FamilyOf(err); alone && (f == coordinator.OverLimit || f == coordinator.TooLarge) {
			s.unmark(ctx, u)
		}
		return coordinator.Artifact{}, err
	}
	if alone {
		err = s.drop(ctx, u)
	} else {
		u.Done = true
		_, err = s.uploads.Update(ctx, u.ID, u, u.rev)
	}
	if coordinator.FamilyOf(err) == coordinator.Changed {
		err = nil // others finish it, too
	}
	if err := errors.Join(err, s.files.Trim(ctx, m)); err != nil {
		s.log.Warn("what an upload that is done has left was not removed", "upload", id, "err", err)
	}
	return s.Artifact(uploaded(digest, u.Owner))
}

// mark says that an upload is being finished, and returns its content's digest. It is alone where
// nobody else may be at it, and nobody can begin without changing the record.
func (s *Store) mark(ctx context.Context, id string) (u *upload, digest string, alone bool, err error) {
	for tries := 1; ; tries++ {
		if u, err = s.upload(ctx, id); err != nil {
			return nil, "", false, err
		}
		if digest, err = s.whole(ctx, u); err != nil {
			return nil, "", false, err
		}
		now := time.Now().UTC()
		alone = !u.finishing(now)
		u.Finishing, u.Done, u.Touched = true, false, now
		u.rev, err = s.uploads.Update(ctx, id, u, u.rev)
		if coordinator.FamilyOf(err) != coordinator.Changed || tries == finishTries {
			return u, digest, alone, err
		}
	}
}

// unmark says that an upload was refused to whoever was at finishing it alone, so that it can be
// given up to make room.
func (s *Store) unmark(ctx context.Context, u *upload) {
	u.Finishing = false
	if _, err := s.uploads.Update(ctx, u.ID, u, u.rev); err != nil && coordinator.FamilyOf(err) != coordinator.Changed {
		s.log.Warn("an upload that was refused can't be given up for a while", "upload", u.ID, "err", err)
	}
}

// whole returns the digest of an upload's content, and what is in the way of finishing it.
func (s *Store) whole(ctx context.Context, u *upload) (digest string, err error) {
	if u.Offset < u.Size {
		return "", coordinator.Faultf(coordinator.Conflict, "upload %s has %d of %d bytes", u.ID, u.Offset, u.Size)
	}
	if digest, err = u.digest(); err != nil {
		return "", err
	}
	if u.SHA256 != "" && u.SHA256 != digest {
		fault := coordinator.Faultf(coordinator.Invalid, "%s was to have the SHA-256 %s, and has %s: it was damaged on its way, or changed", u.Name, u.SHA256, digest)
		return "", errors.Join(fault, s.drop(ctx, u))
	}
	return digest, nil
}

// Abort drops an upload; an absent one is Unknown, one that is being finished Conflict.
func (s *Store) Abort(ctx context.Context, id string) error {
	for tries := 1; ; tries++ {
		u, err := s.upload(ctx, id)
		if err != nil {
			return err
		}
		if u.finishing(time.Now()) {
			f := coordinator.Faultf(coordinator.Conflict, "upload %s is being finished", id)
			f.Hint = "delete the artifact that it becomes"
			return f
		}
		if err = s.drop(ctx, u); coordinator.FamilyOf(err) != coordinator.Changed || tries == finishTries {
			return err
		}
	}
}

// drop removes the record of an upload, and then those of its chunks that no content has.
func (s *Store) drop(ctx context.Context, u *upload) error {
	if err := s.uploads.Remove(ctx, u.ID, u.rev); err != nil {
		return err
	}
	if len(u.Parts) == 0 {
		return nil // what else an append has left is swept
	}
	digest, err := u.digest()
	if err != nil {
		return err
	}
	m, err := s.files.Manifest(ctx, digest)
	if err != nil && !errors.Is(err, bus.ErrNotFound) {
		return faultOf(err)
	}
	for _, p := range u.Parts {
		if m == nil || !uses(m, p.Chunks) {
			if err := s.files.PurgeChunks(ctx, p.Chunks); err != nil {
				return faultOf(err)
			}
		}
	}
	return nil
}

// uses reports whether a content has chunks of a writer.
func uses(m *bus.Manifest, chunks string) bool {
	return slices.ContainsFunc(m.Parts, func(p bus.FilePart) bool { return p.Chunks == chunks })
}
