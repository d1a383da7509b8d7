package secret

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/coordinator"
	"sluice/coordinator/store"
)

// maxSecrets bounds how many a project has.
const maxSecrets = 1000

// Config says whose secrets they are.
type Config struct {
	Control *store.Control
	Project string
	Keys    *Keyring         // nil: names are known and can be removed, and no value is read or written
	Now     func() time.Time // nil: time.Now
	Log     hclog.Logger     // nil: nowhere
}

// Secrets are those of one project. All methods may be called from any goroutine.
type Secrets struct {
	cfg   Config
	table store.Table[record]

	mu      sync.RWMutex
	all     map[string]coordinator.Secret // by key in the table; guarded by mu, as all below
	checked bool                          // what was there at the start was told of
}

// record is a secret as it is stored.
type record struct {
	coordinator.Secret
	Sealed []byte `json:"sealed"`
}

// New adds its view to the project's control plane; it is called before that follows.
func New(c Config) (*Secrets, error) {
	if c.Control == nil || c.Project == "" {
		return nil, fmt.Errorf("secrets: a project and its control plane are needed")
	}
	if c.Log == nil {
		c.Log = hclog.NewNullLogger()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	s := &Secrets{cfg: c, table: store.NewTable[record](c.Control, "secret"), all: map[string]coordinator.Secret{}}
	s.table.View(func(key string, v *record, _ store.Change) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if v == nil {
			delete(s.all, key)
			return
		}
		s.all[key] = v.Secret
		if s.checked && !c.Keys.has(v.Key) {
			s.cfg.Log.Error("a secret was set with a master key that this coordinator does not have: give all coordinators the same --secret-key-file", "secret", v.Name, "key", v.Key)
		}
	})
	return s, nil
}

// keyOf is a name as a key: it may have dots where a subject can't.
func keyOf(name string) string { return base64.RawURLEncoding.EncodeToString([]byte(name)) }

// bound is what a value is encrypted for: it opens nowhere else.
func (s *Secrets) bound(name string) []byte {
	return fmt.Appendf(nil, "sluice secret 1\x00%d %s\x00%s", len(s.cfg.Project), s.cfg.Project, name)
}

// Set writes a secret, over the value it had. Jobs that run keep the value with which they began
// on each worker. known refuses to write over the secret as it is; nil refuses none.
func (s *Secrets) Set(ctx context.Context, name, value, by string, known func(coordinator.Secret) error) (coordinator.Secret, error) {
	if err := coordinator.CheckSecret(name, value); err != nil {
		return coordinator.Secret{}, err
	}
	if s.cfg.Keys == nil {
		return coordinator.Secret{}, s.Check()
	}
	if err := s.foreign(keyOf(name)); err != nil {
		return coordinator.Secret{}, err
	}
	s.mu.RLock()
	_, there := s.all[keyOf(name)]
	n := len(s.all)
	s.mu.RUnlock()
	if !there && n >= maxSecrets {
		return coordinator.Secret{}, coordinator.Faultf(coordinator.OverLimit, "project %s has %d secrets, and may have no more", s.cfg.Project, n)
	}
	id, sealed := s.cfg.Keys.seal([]byte(value), s.bound(name))
	rec := record{coordinator.Secret{Name: name, By: by, At: s.cfg.Now().UTC(), Key: id}, sealed}
	_, err := s.table.Change(ctx, keyOf(name), func(v *record) error {
		if known != nil {
			was := v.Secret
			was.Name = name // of one that is not there, too
			if err := known(was); err != nil {
				return err
			}
		}
		*v = rec
		return nil
	})
	return rec.Secret, err
}

// Show returns a secret without its value.
func (s *Secrets) Show(name string) (coordinator.Secret, error) {
	if err := coordinator.CheckSecretName(name); err != nil {
		return coordinator.Secret{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	is, there := s.all[keyOf(name)]
	if !there {
		return is, coordinator.Faultf(coordinator.Unknown, "no such secret: %s", name)
	}
	return is, nil
}

// List returns all secrets without their values, by name.
func (s *Secrets) List() []coordinator.Secret {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := make([]coordinator.Secret, 0, len(s.all))
	for _, v := range s.all {
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b coordinator.Secret) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// Delete removes a secret, unless known refuses it as it is, or needed does, which says who needs it;
// nil refuses none. Jobs that need it and begin later fail, and say so.
//
// needed is asked again behind the removal: who was written before it, at whichever coordinator, is
// seen then, and the secret is there again. Who is written behind it finds none.
func (s *Secrets) Delete(ctx context.Context, name string, known func(coordinator.Secret) error, needed func() error) error {
	if err := coordinator.CheckSecretName(name); err != nil {
		return err
	}
	v, rev, err := s.table.Read(ctx, keyOf(name))
	if err == nil && needed != nil {
		err = needed()
	}
	if err == nil && known != nil {
		err = known(v.Secret)
	}
	if err == nil {
		err = s.remove(ctx, name, v, rev, needed)
	}
	return named(name, err)
}

// removeFor is above the time in which a cluster elects a new leader.
const removeFor = 15 * time.Second

// remove removes a secret, and looks again whether it is needed, also when its caller has left or no
// answer came.
func (s *Secrets) remove(ctx context.Context, name string, v *record, rev uint64, needed func() error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeFor)
	defer cancel()
	mark, err := s.table.Mark(ctx, keyOf(name), rev)
	if f := coordinator.FamilyOf(err); f == coordinator.Changed || f == coordinator.Unknown || needed == nil {
		return err
	}
	if need := needed(); need != nil {
		return cmp.Or(s.putBack(context.WithoutCancel(ctx), name, v, mark), need)
	}
	return err
}

// putBack makes a secret that was removed be there again, unless somebody has set or deleted it since.
// A mark of 0 is one that is not known.
func (s *Secrets) putBack(ctx context.Context, name string, v *record, mark uint64) error {
	ctx, cancel := context.WithTimeout(ctx, removeFor)
	defer cancel()
	var err error
	if mark > 0 {
		_, err = s.table.Update(ctx, keyOf(name), v, mark)
	} else {
		_, err = s.table.Create(ctx, keyOf(name), v)
	}
	if coordinator.FamilyOf(err) == coordinator.Changed {
		return nil
	}
	return err
}

// value decrypts a secret as the store has it now.
func (s *Secrets) value(ctx context.Context, name string) (string, error) {
	rec, _, err := s.table.Read(ctx, keyOf(name))
	if err != nil {
		return "", named(name, err)
	}
	if !s.cfg.Keys.has(rec.Key) { // another coordinator may have it
		return "", coordinator.Faultf(coordinator.Unavailable, "secret %s can't be read: it is encrypted with master key %.32q, which this coordinator does not have", name, rec.Key)
	}
	v, err := s.cfg.Keys.open(rec.Key, rec.Sealed, s.bound(name))
	if err != nil {
		return "", coordinator.Faultf(coordinator.Conflict, "secret %s can't be read: %w", name, err)
	}
	return string(v), nil
}

// named says a secret's name where the store says its key.
func named(name string, err error) error {
	if coordinator.FamilyOf(err) == coordinator.Unknown {
		return coordinator.Faultf(coordinator.Unknown, "no such secret: %s", name)
	}
	return err
}

// Rekey encrypts with the first master key what is encrypted with others, and returns how many
// secrets that were. After it the other keys can be taken away.
func (s *Secrets) Rekey(ctx context.Context) (n int, err error) {
	for _, have := range s.List() {
		if have.Key == s.cfg.Keys.first {
			continue
		}
		done := false
		_, err := s.table.Change(ctx, keyOf(have.Name), func(v *record) error {
			if done = len(v.Sealed) > 0 && v.Key != s.cfg.Keys.first; !done {
				return errAsIs
			}
			value, err := s.cfg.Keys.open(v.Key, v.Sealed, s.bound(have.Name))
			if err != nil {
				return coordinator.Faultf(coordinator.Conflict, "secret %s can't be read: %w", have.Name, err)
			}
			v.Key, v.Sealed = s.cfg.Keys.seal(value, s.bound(have.Name))
			return nil
		})
		if err != nil && err != errAsIs {
			return n, err
		}
		if done {
			n++
		}
	}
	return n, nil
}

// errAsIs ends a change that changes nothing.
var errAsIs = fmt.Errorf("nothing to change")
