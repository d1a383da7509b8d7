package library

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/store"
	"sluice/nodes"
	"sluice/recipe"
)

// Bounds of a library.
const (
	MaxRecipes  = 10_000 // names of a project
	MaxVersions = 1_000  // of a name, deleted ones counted
)

// Jobs are the project's jobs: those that use a recipe, and where a submission goes.
// [store.Jobs] is one.
type Jobs interface {
	All(f func(coordinator.Job) bool)
	Unfinished(owner string) int
	Earlier(id recipe.JobID) int
	TakeBack(ctx context.Context, id recipe.JobID, why *coordinator.Fault) (stands bool, err error)
	Stands(ctx context.Context, id recipe.JobID) (bool, error)
	Stand(ctx context.Context, id recipe.JobID, by string) error
	Job(id recipe.JobID) (coordinator.Job, error)
	Needing(secret string) (id recipe.JobID, found bool)
	Spec(ctx context.Context, id recipe.JobID) (*coordinator.Spec, error)
	Keyed(ctx context.Context, id recipe.JobID) (*coordinator.Spec, error)
	Submit(ctx context.Context, s *coordinator.Spec) (job coordinator.Job, again bool, err error)
}

// Config says where a library is kept. Control, Jobs and Catalogue must be set.
type Config struct {
	Project string // as ids of jobs are made from it
	Control *store.Control
	Jobs    Jobs
	// Catalogue returns the kinds that recipes may use now: those that were ever announced.
	Catalogue func() *nodes.Catalogue
	// Rootless reports whether the workers that serve a step read no files of their own; nil is
	// no.
	Rootless func(*recipe.Step) bool
	PerUser  int // jobs of a user that have not ended; 0 is no bound
	// Secret reports whether the project has a secret of that name; nil: nobody asks.
	Secret func(ctx context.Context, name string) (bool, error)
	// Trace returns the W3C traceparent of a request, "" for one that is not traced; nil: none is.
	Trace func(ctx context.Context) string
	// Artifact reports whether the project has an artifact with that digest; nil: nobody asks.
	Artifact func(ctx context.Context, sha256 string) (bool, error)
	// Room returns how many bytes the project's jobs may store, 0 or less for no bound, and how many
	// are stored; nil: nobody asks.
	Room func(ctx context.Context) (most, used int64, err error)
	// Frame bounds the frames of what is compiled; zero fields are the usual.
	Frame recipe.FrameLimits
	Turns *Turns // of compiling; nil is its own, of the usual number
	// CompileFor is how long a request may wait for its turn and compile; 0 is the constant. Above
	// it the fault is coordinator.Unavailable.
	CompileFor time.Duration
	Cache      int              // bytes of documents that are kept in memory; 0 is 32 MiB
	Now        func() time.Time // nil is time.Now
}

// Library is the saved recipes of one project. All methods may be called from any goroutine.
type Library struct {
	cfg   Config
	heads store.Table[head]
	docs  store.Table[document]
	cache *cache

	places places

	mu    sync.RWMutex
	known map[string]*head // by name; what they hold is never changed; guarded by mu
	names []string         // those with a version, sorted; guarded by mu
}

// head is what is stored of a name: its versions in the order of their numbers. Deleted ones
// stay, so that no number is given twice.
type head struct {
	Versions []entry `json:"versions"`
}

type entry struct {
	coordinator.RecipeVersion
	Gone    bool     `json:"gone,omitempty"`
	Secrets []string `json:"secrets,omitempty"` // that the document, or a file beside it, names
}

// New returns the library of a control plane that does not follow yet.
func New(c Config) *Library {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Turns == nil {
		c.Turns = NewTurns(0, 0)
	}
	if c.CompileFor == 0 {
		c.CompileFor = CompileFor
	}
	if c.Cache == 0 {
		c.Cache = defaultCache
	}
	l := &Library{cfg: c, heads: store.NewTable[head](c.Control, "recipe"), docs: store.NewTable[document](c.Control, "document"),
		cache: newCache(c.Cache), known: map[string]*head{}, places: places{held: map[recipe.JobID]*holding{}}}
	l.heads.View(func(name string, h *head, _ store.Change) { l.change(name, h) })
	return l
}

func (l *Library) now() time.Time { return l.cfg.Now().UTC().Round(0) }

func (l *Library) change(name string, h *head) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h == nil {
		delete(l.known, name)
	} else {
		l.known[name] = h
	}
	at, listed := slices.BinarySearch(l.names, name)
	switch listable := h.latest() != nil; {
	case listable && !listed:
		l.names = slices.Insert(l.names, at, name)
	case !listable && listed:
		l.names = slices.Delete(l.names, at, at+1)
	}
}

// head returns what this coordinator has seen of a name last, nil when that is nothing.
func (l *Library) head(name string) *head {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.known[name]
}

// latest returns the newest version, nil when there is none.
func (h *head) latest() *entry {
	if h != nil {
		for i := len(h.Versions) - 1; i >= 0; i-- {
			if !h.Versions[i].Gone {
				return &h.Versions[i]
			}
		}
	}
	return nil
}

// numbered returns the entry of a number, deleted or not, nil when there is none.
func (h *head) numbered(n int) *entry {
	if h == nil {
		return nil
	}
	at, found := slices.BinarySearchFunc(h.Versions, n, func(e entry, n int) int { return e.Version - n })
	if !found {
		return nil
	}
	return &h.Versions[at]
}

// next returns the number of the version that is saved next.
func (h *head) next() int {
	if len(h.Versions) == 0 {
		return 1
	}
	return h.Versions[len(h.Versions)-1].Version + 1
}

// count returns how many versions there are.
func (h *head) count() (n int) {
	for i := range h.Versions {
		if !h.Versions[i].Gone {
			n++
		}
	}
	return n
}

// find returns the version that a reference means.
func (h *head) find(ref Ref) (*entry, error) {
	newest := h.latest()
	if newest == nil {
		return nil, coordinator.Faultf(coordinator.Unknown, "no recipe is saved as %s", ref.Name)
	}
	if ref.Version == 0 {
		return newest, nil
	}
	e := h.numbered(ref.Version)
	switch {
	case e == nil:
		return nil, coordinator.Faultf(coordinator.Unknown, "the recipe %s has no version %d; the latest is %d", ref.Name, ref.Version, newest.Version)
	case e.Gone:
		return nil, coordinator.Faultf(coordinator.Unknown, "version %d of the recipe %s was deleted; the latest is %d", ref.Version, ref.Name, newest.Version)
	}
	return e, nil
}

// key is where the document of a version is stored. The digest is in it because two coordinators
// may try for one number.
func key(name string, n int, digest string) string {
	return name + "." + strconv.Itoa(n) + "_" + digest[:32]
}
