package files

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"regexp"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/store"
	"sluice/internal/bus"
)

// upload is the record of an upload.
type upload struct {
	coordinator.Upload
	Parts []bus.FilePart `json:"parts,omitempty"`
	Sum   []byte         `json:"sum,omitempty"` // state of the digest over what is stored
	// Finishing says that it was begun to make it an artifact, when it was touched last, and Done that
	// it is one: see finishWithin.
	Finishing bool `json:"finishing,omitempty"`
	Done      bool `json:"done,omitempty"`
	rev       uint64
}

// saveEvery is how many chunks an append stores before it writes down that it has: 8 MiB, which
// is what is sent again after a crash. Its end is written down anyhow.
const saveEvery = 32

// maxAppends bounds the appends of an upload, each of which may leave a part.
const maxAppends = 10_000

func (s *Store) seeUpload(id string, u *upload, ch store.Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.on[id]; old != nil {
		s.use.Number--
		s.use.Bytes -= old.Size
		delete(s.on, id)
	}
	if u != nil {
		u.rev = ch.Rev
		s.use.Number++
		s.use.Bytes += u.Size
		s.on[id] = u
	}
}

// Begin begins an upload of u.Size bytes under u.Name; u.SHA256 may be "". Where a content of
// that digest is here already, it is given to an artifact at once, and there is nothing to
// upload: then the artifact is not nil. Where the owner has begun to upload such a content before, that
// upload goes on from its Offset. Over the project's limits it is TooLarge or OverLimit.
func (s *Store) Begin(ctx context.Context, u coordinator.Upload) (coordinator.Upload, *coordinator.Artifact, error) {
	var err error
	if u.Name, err = coordinator.FileName(u.Name); err != nil {
		return u, nil, err
	}
	switch limit := s.cfg.Limits.Size; {
	case u.Size < 0:
		return u, nil, coordinator.Faultf(coordinator.Invalid, "the size of %s is wanted: %d is none", u.Name, u.Size)
	case u.SHA256 != "" && !coordinator.IsDigest(u.SHA256):
		return u, nil, coordinator.Faultf(coordinator.Invalid, "%.80q is no SHA-256: 64 digits are wanted, in lower-case hex", u.SHA256)
	case u.Size > limit:
		return u, nil, coordinator.Faultf(coordinator.TooLarge, "%s has %d bytes; a file may have %d", u.Name, u.Size, limit)
	}
	u.Created = time.Now().UTC()
	u.Touched, u.Offset, u.ID = u.Created, 0, token()
	if a, err := s.known(ctx, &u); a != nil || err != nil {
		return u, a, err
	}
	if before := s.unfinished(ctx, &u); before != nil {
		return *before, nil, nil
	}
	rec := upload{Upload: u}
	if err := s.room(1, u.Size); err != nil { // most times it is known before
		return u, nil, err
	}
	if err := s.stored(ctx, u.Size); err != nil {
		return u, nil, err
	}
	rev, err := s.uploads.Create(ctx, u.ID, &rec)
	if err != nil {
		return u, nil, err
	}
	if err := s.room(0, 0); err != nil { // others may have begun meanwhile: this one is counted now
		return u, nil, errors.Join(err, s.uploads.Remove(ctx, u.ID, rev))
	}
	return u, nil, nil
}

// unfinished returns the upload of the same content that its owner has begun and not finished, of
// several the one that is furthest; nil for none.
func (s *Store) unfinished(ctx context.Context, u *coordinator.Upload) *coordinator.Upload {
	if u.SHA256 == "" {
		return nil
	}
	var best *upload
	s.mu.Lock()
	for _, other := range s.on {
		if other.SHA256 == u.SHA256 && other.Size == u.Size && other.Owner == u.Owner && (best == nil || other.Offset > best.Offset) {
			best = other
		}
	}
	s.mu.Unlock()
	if best == nil {
		return nil
	}
	now, err := s.upload(ctx, best.ID) // what is here may be behind; and it may be gone
	if err != nil || len(now.Parts) >= maxAppends {
		return nil
	}
	if now.Name != u.Name || time.Since(now.Touched) > s.cfg.Expire/2 {
		now.Name, now.Touched = u.Name, time.Now().UTC()
		if _, err := s.uploads.Update(ctx, now.ID, now, now.rev); err != nil {
			return nil
		}
	}
	return &now.Upload
}

// known gives an upload of a content that is here already to an artifact.
func (s *Store) known(ctx context.Context, u *coordinator.Upload) (*coordinator.Artifact, error) {
	if u.SHA256 == "" {
		return nil, nil
	}
	m, err := s.files.Manifest(ctx, u.SHA256)
	if errors.Is(err, bus.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, faultOf(err)
	}
	if m.Size != u.Size {
		return nil, coordinator.Faultf(coordinator.Invalid, "%s has %d bytes, and what has its digest has %d: one of the two is wrong", u.Name, u.Size, m.Size)
	}
	if _, err := s.Artifact(uploaded(u.SHA256, u.Owner)); err != nil {
		if err := s.room(1, 0); err != nil {
			return nil, err
		}
	}
	a := artifactOf(u, u.SHA256)
	if _, err := s.claim(ctx, a, nil); coordinator.FamilyOf(err) == coordinator.Unknown {
		return nil, nil // it was swept right now
	} else if err != nil {
		return nil, err
	}
	now, err := s.Artifact(a.ID)
	return &now, err
}

func artifactOf(u *coordinator.Upload, digest string) *coordinator.Artifact {
	return &coordinator.Artifact{ID: uploaded(digest, u.Owner), SHA256: digest, Name: u.Name, Size: u.Size, Owner: u.Owner, Created: time.Now().UTC()}
}

// room reports whether there is room for so much more.
func (s *Store) room(number int, bytes int64) error {
	use, limits := s.Use(), s.cfg.Limits
	switch {
	case use.Number+number > limits.Number:
		return coordinator.Faultf(coordinator.OverLimit, "the project may have %d artifacts and has them: delete some first", limits.Number)
	case use.Bytes+bytes > limits.Bytes:
		return coordinator.Faultf(coordinator.OverLimit, "the artifacts of the project may have %d bytes; they have %d, and this would add %d: delete some first",
			limits.Bytes, use.Bytes, bytes)
	}
	return nil
}

// Upload returns an upload as it is now: Offset is where to go on.
func (s *Store) Upload(ctx context.Context, id string) (coordinator.Upload, error) {
	u, err := s.upload(ctx, id)
	if err != nil {
		return coordinator.Upload{}, err
	}
	return u.Upload, nil
}

func (s *Store) upload(ctx context.Context, id string) (*upload, error) {
	if !tokenForm.MatchString(id) {
		return nil, coordinator.Faultf(coordinator.Unknown, "no such upload: %.40q", id)
	}
	u, rev, err := s.uploads.Read(ctx, id)
	if err != nil {
		return nil, err
	}
	u.rev = rev
	return u, nil
}

// Append stores what from has at an offset, which must be the upload's. What does not fill a
// chunk of bus.FileChunk bytes, nor ends the file, is not kept: the answer says where to go on,
// also behind a fault of from, as when a connection is cut. It holds one chunk in memory.
func (s *Store) Append(ctx context.Context, id string, offset int64, from io.Reader) (coordinator.Upload, error) {
	u, err := s.upload(ctx, id)
	switch {
	case err != nil:
		return coordinator.Upload{}, err
	case offset != u.Offset:
		return u.Upload, coordinator.Faultf(coordinator.Changed, "upload %s goes on at byte %d, not at %d", id, u.Offset, offset)
	case len(u.Parts) >= maxAppends:
		return u.Upload, coordinator.Faultf(coordinator.OverLimit, "upload %s was cut more than %d times: begin anew", id, maxAppends)
	}
	sum, err := digestAt(u.Sum)
	if err != nil {
		return u.Upload, err
	}
	p := &appending{s: s, u: u, sum: sum, chunks: bus.UploadChunks(id, token()), saved: u.Offset, room: make([]byte, bus.FileChunk)}
	took, err := p.take(ctx, from)
	if serr := p.save(ctx); err == nil {
		err = serr
	}
	if err == nil && took > 0 && u.Offset == offset {
		err = coordinator.Faultf(coordinator.Invalid, "%d bytes are too few: an append has %d at least, or all that is missing", took, bus.FileChunk)
	}
	return p.now, err
}

// appending is an append at work.
type appending struct {
	s      *Store
	u      *upload
	now    coordinator.Upload // as it is written down
	sum    hash.Hash
	chunks string
	saved  int64 // offset that is written down
	room   []byte
}

// take stores chunks until from has no more, and returns how many bytes it had.
func (p *appending) take(ctx context.Context, from io.Reader) (took int64, err error) {
	p.now = p.u.Upload
	for n := 0; p.u.Offset < p.u.Size; n++ {
		want := min(bus.FileChunk, p.u.Size-p.u.Offset)
		got, err := io.ReadFull(from, p.room[:want])
		took += int64(got)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return took, nil
		case err != nil:
			return took, coordinator.Faultf(coordinator.Invalid, "the upload was cut: %w", err)
		}
		if err := p.s.files.PutChunk(ctx, p.chunks, int(p.u.Offset/bus.FileChunk), p.room[:want]); err != nil {
			return took, faultOf(err)
		}
		if !p.writes() {
			p.u.Parts = append(p.u.Parts, bus.FilePart{Chunks: p.chunks, From: int(p.u.Offset / bus.FileChunk)})
		}
		p.sum.Write(p.room[:want])
		if p.u.Offset += want; n%saveEvery == saveEvery-1 {
			if err := p.save(ctx); err != nil {
				return took, err
			}
		}
	}
	if n, _ := io.ReadFull(from, p.room[:1]); n > 0 {
		return took, coordinator.Faultf(coordinator.TooLarge, "more comes than the %d bytes that upload %s was said to have", p.u.Size, p.u.ID)
	}
	return took, nil
}

// writes reports whether the last part is this append's.
func (p *appending) writes() bool {
	return len(p.u.Parts) > 0 && p.u.Parts[len(p.u.Parts)-1].Chunks == p.chunks
}

// saveWithin bounds how long an append that was cut tries to write down what it has stored.
const saveWithin = 10 * time.Second

// save writes down what is stored, also when ctx has ended.
func (p *appending) save(ctx context.Context) error {
	if p.u.Offset == p.saved {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveWithin)
	defer cancel()
	var err error
	if p.u.Sum, err = p.sum.(encoding.BinaryMarshaler).MarshalBinary(); err != nil {
		return err
	}
	p.u.Touched = time.Now().UTC()
	rev, err := p.s.uploads.Update(ctx, p.u.ID, p.u, p.u.rev)
	if coordinator.FamilyOf(err) == coordinator.Changed {
		return coordinator.Faultf(coordinator.Changed, "upload %s was added to by somebody else at the same time", p.u.ID)
	}
	if err != nil {
		return err
	}
	p.u.rev, p.saved, p.now = rev, p.u.Offset, p.u.Upload
	return nil
}

// digest is that of all that is stored of the upload, in hex.
func (u *upload) digest() (string, error) {
	sum, err := digestAt(u.Sum)
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// digestAt returns a digest in a state, nil for its beginning.
func digestAt(state []byte) (hash.Hash, error) {
	sum := sha256.New()
	if state == nil {
		return sum, nil
	}
	if err := sum.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
		return nil, fmt.Errorf("the state of a digest: %w", err)
	}
	return sum, nil
}

// token is a name that nobody else gives.
func token() string {
	b := make([]byte, 12)
	_, _ = rand.Read(b) // it never fails
	return hex.EncodeToString(b)
}

var tokenForm = regexp.MustCompile(`^[0-9a-f]{24}$`)
