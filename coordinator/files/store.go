package files

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/coordinator"
	"sluice/coordinator/store"
	"sluice/internal/bus"
	"sluice/recipe"
)

// DefaultExpire is how long an upload is kept to which nothing was added.
const DefaultExpire = 24 * time.Hour

// Config says where a project's artifacts are kept. Conn and Control must be set.
type Config struct {
	Conn     *bus.Conn
	Control  *store.Control
	Limits   coordinator.FileLimits // 0 for Bytes is half of what the account may store, where that is bounded
	Expire   time.Duration          // 0 is DefaultExpire
	Replicas int                    // of the stream; 0 is 1
	// Live reports whether a job may still write files. Nil says so of every one: then what dead
	// jobs left is not swept.
	Live func(recipe.JobID) bool
	// Using says who reads the content with that digest, or may, and so why it is kept: "is read by
	// job one, …". "" is nobody; see UsedBy. Nil knows of nobody.
	Using func(ctx context.Context, sha256 string) (why string, err error)
	Log   hclog.Logger
}

// Store is the artifacts of one project. All methods may be called from any goroutine.
type Store struct {
	cfg       Config
	files     *bus.Files
	log       hclog.Logger
	artifacts store.Table[coordinator.Artifact]
	uploads   store.Table[upload]
	marks     store.Table[mark]

	mu    sync.Mutex
	all   map[string]*coordinator.Artifact // by id; guarded by mu, as all below
	names map[string]int                   // artifacts by digest
	on    map[string]*upload               // uploads on their way, by id
	use   coordinator.FileUse
}

// New opens the artifacts of a project, and makes their stream where it is missing. It is called
// before the control plane follows.
func New(ctx context.Context, c Config) (*Store, error) {
	if c.Log == nil {
		c.Log = hclog.NewNullLogger()
	}
	c.Expire = cmp.Or(c.Expire, DefaultExpire)
	most, err := c.limit(ctx)
	if err != nil {
		return nil, err
	}
	s := &Store{cfg: c, files: c.Conn.Files(), log: c.Log, all: map[string]*coordinator.Artifact{}, names: map[string]int{}, on: map[string]*upload{},
		artifacts: store.NewTable[coordinator.Artifact](c.Control, "artifact"),
		uploads:   store.NewTable[upload](c.Control, "upload"),
		marks:     store.NewTable[mark](c.Control, "files"),
	}
	s.artifacts.View(s.seeArtifact)
	s.uploads.View(s.seeUpload)
	return s, s.files.Ensure(ctx, c.Replicas, most)
}

// seeArtifact follows the records.
func (s *Store) seeArtifact(id string, a *coordinator.Artifact, ch store.Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.all[id]; old != nil {
		s.use.Number--
		if s.names[old.SHA256]--; s.names[old.SHA256] == 0 {
			delete(s.names, old.SHA256)
			s.use.Bytes -= old.Size
		}
		delete(s.all, id)
	}
	if a != nil {
		a.Revision = ch.Rev
		s.use.Number++
		if s.names[a.SHA256]++; s.names[a.SHA256] == 1 {
			s.use.Bytes += a.Size
		}
		s.all[id] = a
	}
}

// Use returns what the project's artifacts take.
func (s *Store) Use() coordinator.FileUse {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.use
}

// Limits returns the project's limits.
func (s *Store) Limits() coordinator.FileLimits { return s.cfg.Limits }

// Artifact returns an artifact by its id. For that of an upload its digest does, too: where several
// have uploaded the content, that is one of theirs.
func (s *Store) Artifact(id string) (coordinator.Artifact, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.all[id]
	if digest := strings.TrimPrefix(id, "u."); a == nil && coordinator.IsDigest(digest) {
		for _, other := range s.all {
			if other.SHA256 == digest && other.Job == "" && (a == nil || other.ID < a.ID) {
				a = other
			}
		}
	}
	if a == nil {
		return coordinator.Artifact{}, coordinator.Faultf(coordinator.Unknown, "no such artifact: %.100s", id)
	}
	return *a, nil
}

// List returns at most limit artifacts by their ids, those behind the id after, of one job or,
// when job is "", of all. next is what to give for after to go on, "" when there are no more.
func (s *Store) List(job recipe.JobID, after string, limit int) (page []coordinator.Artifact, next string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	page = []coordinator.Artifact{}
	for id, a := range s.all {
		if id > after && (job == "" || a.Job == job) {
			page = append(page, *a)
		}
	}
	slices.SortFunc(page, func(a, b coordinator.Artifact) int { return strings.Compare(a.ID, b.ID) })
	if len(page) > limit && limit > 0 {
		page = page[:limit]
		next = page[limit-1].ID
	}
	return page, next
}

// Open opens the content of an artifact. The reader holds two chunks of bus.FileChunk bytes at
// most, whatever the size; what it asks for ends with ctx.
func (s *Store) Open(ctx context.Context, a coordinator.Artifact) (*bus.OpenFile, error) {
	f, err := s.files.Open(ctx, a.SHA256, a.Name)
	if errors.Is(err, bus.ErrNotFound) {
		return nil, coordinator.Faultf(coordinator.Unknown, "artifact %s is being deleted", a.ID)
	}
	return f, faultOf(err)
}

// Has reports whether an artifact has the content with that digest. It asks the store where none is
// known here: another coordinator may have taken it a moment ago.
func (s *Store) Has(ctx context.Context, sha256 string) (bool, error) {
	if s.named(sha256) {
		return true, nil
	}
	err := s.cfg.Control.Current(ctx)
	return err == nil && s.named(sha256), err
}

// Stands reports whether an artifact is still the one that was seen, as far as any coordinator knows.
func (s *Store) Stands(ctx context.Context, seen *coordinator.Artifact) (bool, error) {
	if err := s.cfg.Control.Current(ctx); err != nil {
		return false, err
	}
	a, err := s.Artifact(seen.ID)
	return err == nil && a.Revision == seen.Revision, nil
}

// Delete removes an artifact, and its content when no other one has it. One that a job reads, or
// will, or that a saved recipe names is Conflict. rev is the revision that the caller has seen, 0 for any.
//
// What is written at the same moment is looked for again behind the removal: who wrote before it is
// seen then, and the artifact stays. Who writes behind it does not find the artifact any more.
func (s *Store) Delete(ctx context.Context, id string, rev uint64) error {
	if err := s.cfg.Control.Current(ctx); err != nil {
		return err
	}
	a, err := s.Artifact(id)
	switch {
	case err != nil:
		return err
	case rev > 0 && rev != a.Revision:
		return coordinator.Faultf(coordinator.Changed, "artifact %s was changed meanwhile", a.ID)
	}
	if err := s.unused(ctx, &a); err != nil {
		return err
	}
	if err := s.artifacts.Remove(ctx, a.ID, a.Revision); err != nil {
		return err
	}
	if !s.named(a.SHA256) {
		if err := s.unused(ctx, &a); err != nil {
			s.putBack(ctx, &a)
			return err
		}
	}
	s.collectSoon(ctx, a.SHA256)
	return nil
}

// unused refuses to delete an artifact whose content somebody needs.
func (s *Store) unused(ctx context.Context, a *coordinator.Artifact) error {
	why, err := s.using(ctx, a.SHA256)
	if err == nil && why != "" {
		err = coordinator.Faultf(coordinator.Conflict, "artifact %s %s", a.ID, why)
	}
	return err
}

// putBack gives an artifact that was removed its content again, also when ctx has ended. While
// somebody needs that nobody collects it.
func (s *Store) putBack(ctx context.Context, a *coordinator.Artifact) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveWithin)
	defer cancel()
	if _, err := s.claim(ctx, a, nil); err != nil {
		s.log.Warn("an artifact that is in use was removed, and is not back", "artifact", a.ID, "err", err)
	}
}

// using says why a content is kept, "" when nobody needs it.
func (s *Store) using(ctx context.Context, sha256 string) (why string, err error) {
	if s.cfg.Using == nil {
		return "", nil
	}
	return s.cfg.Using(ctx, sha256)
}

// uploaded is the id of the artifact that an owner's uploads of a content become: each has one.
func uploaded(digest, owner string) string {
	if owner == "" {
		return "u." + digest
	}
	sum := sha256.Sum256([]byte(owner))
	return "u." + digest + "." + hex.EncodeToString(sum[:8])
}

// made is the id of the artifact that a sink of a job has made.
func made(job recipe.JobID, step int) string { return "j." + string(job) + "." + strconv.Itoa(step) }

// claim gives a content to an artifact: it writes the record, and then touches the content's
// manifest, or writes own where there is none, or one whose chunks are not there: a server that was
// killed may have brought it back. A nil own is for a content that should be there; Unknown says
// that it is not.
//
// Who writes the record and has no content then takes it back, and looks behind that whether there
// is one meanwhile. So whoever has written the content looks whether the record still is there.
func (s *Store) claim(ctx context.Context, a *coordinator.Artifact, own *bus.Manifest) (*bus.Manifest, error) {
	for {
		fresh, err := s.record(ctx, a)
		if err != nil {
			return nil, err
		}
		m, err := s.touch(ctx, a, own)
		switch coordinator.FamilyOf(err) {
		case coordinator.Unknown, coordinator.OverLimit, coordinator.TooLarge:
			if fresh {
				s.unclaim(ctx, a)
			}
		}
		if err != nil {
			return nil, err
		}
		if _, _, err = s.artifacts.Read(ctx, a.ID); coordinator.FamilyOf(err) != coordinator.Unknown {
			return m, err
		}
	}
}

// record writes the record of an artifact; it is not fresh where it was there before.
func (s *Store) record(ctx context.Context, a *coordinator.Artifact) (fresh bool, err error) {
	for {
		_, err = s.artifacts.Create(ctx, a.ID, a)
		if coordinator.FamilyOf(err) != coordinator.Changed {
			return err == nil, err
		}
		_, rev, err := s.artifacts.Read(ctx, a.ID)
		switch coordinator.FamilyOf(err) {
		case "":
			return false, s.cfg.Control.Seen(ctx, rev)
		case coordinator.Unknown: // it was removed right now
		default:
			return false, err
		}
	}
}

// touch writes the manifest of an artifact's content: again as it is, or own where none is whole.
func (s *Store) touch(ctx context.Context, a *coordinator.Artifact, own *bus.Manifest) (*bus.Manifest, error) {
	for {
		m, rev, err := s.content(ctx, a.SHA256)
		switch {
		case err != nil:
			return nil, faultOf(err)
		case m == nil && own == nil:
			return nil, coordinator.Faultf(coordinator.Unknown, "no such content: %s", a.SHA256)
		case m == nil:
			m = own
			m.Revision = rev
		}
		err = s.files.PutManifest(ctx, m)
		if !errors.Is(err, bus.ErrConflict) {
			return m, faultOf(err)
		}
	}
}

// content returns the manifest of a content that is there whole, nil for none, and the revision
// over which a new one is to be written.
func (s *Store) content(ctx context.Context, sha256 string) (m *bus.Manifest, rev uint64, err error) {
	m, err = s.files.Manifest(ctx, sha256)
	if errors.Is(err, bus.ErrNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	whole, err := s.files.Whole(ctx, m)
	if err != nil || whole {
		return m, m.Revision, err
	}
	s.log.Warn("a content that was removed has come back without its chunks, and is written anew", "sha256", sha256)
	return nil, m.Revision, nil
}

// unclaim takes back the record of an artifact without a content.
func (s *Store) unclaim(ctx context.Context, a *coordinator.Artifact) {
	_, rev, err := s.artifacts.Read(ctx, a.ID)
	if err == nil {
		err = s.artifacts.Remove(ctx, a.ID, rev)
	}
	var m *bus.Manifest
	if err == nil {
		m, _, err = s.content(ctx, a.SHA256)
	}
	if err == nil && m != nil { // somebody has stored it meanwhile, and may rest on the record
		_, err = s.record(ctx, a)
	}
	if err != nil {
		s.log.Warn("an artifact without a content is left", "artifact", a.ID, "err", err)
	}
}

// faultOf says in the control plane's words what the bus answered.
func faultOf(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, bus.ErrStore):
		return coordinator.Faultf(coordinator.OverLimit, "the store of files has no room: %w", err)
	case errors.Is(err, bus.ErrTooLarge):
		return coordinator.Faultf(coordinator.TooLarge, "a file's list of parts is too long: %w", err)
	}
	return coordinator.Faultf(coordinator.Unavailable, "the store of files does not answer: %w", err)
}
