package auth

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"sync"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/store"
)

// Bounds of a project's keys.
const (
	maxKeys    = 1000                // with those that are listed though they are not good any more
	keepFor    = 30 * 24 * time.Hour // how long such a key is listed
	usedNoMore = time.Minute         // how often it is written that a key was used
)

// keyRecord is a key as it is stored.
type keyRecord struct {
	coordinator.Key
	Digest []byte `json:"digest"` // SHA-256 of the secret
}

// useRecord says when a key was used. It is a record of its own, so that writing it is never
// in the way of a revocation.
type useRecord struct {
	At time.Time `json:"at"`
}

// Keys are the API keys of one project, as this coordinator has seen them last. All methods
// may be called from any goroutine.
type Keys struct {
	project string
	control *store.Control
	keys    store.Table[keyRecord]
	uses    store.Table[useRecord]
	now     func() time.Time

	mu     sync.RWMutex
	all    map[string]keyRecord // by prefix; guarded by mu, as all below
	noted  map[string]time.Time // when the keys were used, as it is written
	used   map[string]time.Time // when they were used here
	proved time.Time            // when what is known here was asked for last, of what was answered
	asking chan struct{}        // not nil while somebody waits for an answer; closed with it
	failed time.Time            // when somebody waited in vain
}

func newKeys(p Project, now func() time.Time) *Keys {
	k := &Keys{project: p.Name, control: p.Control, keys: store.NewTable[keyRecord](p.Control, "key"),
		uses: store.NewTable[useRecord](p.Control, "keyuse"), now: now,
		all: map[string]keyRecord{}, noted: map[string]time.Time{}, used: map[string]time.Time{}}
	k.keys.View(func(prefix string, v *keyRecord, _ store.Change) {
		k.mu.Lock()
		defer k.mu.Unlock()
		if v == nil {
			delete(k.all, prefix)
			delete(k.used, prefix)
			return
		}
		v.Prefix, v.Project = prefix, k.project // whatever is written there
		k.all[prefix] = *v
	})
	k.uses.View(func(prefix string, v *useRecord, _ store.Change) {
		k.mu.Lock()
		defer k.mu.Unlock()
		if v == nil {
			delete(k.noted, prefix)
			return
		}
		k.noted[prefix] = v.At
	})
	return k
}

// Create makes a key of what Name, Role, Scopes, Expires and By say, and returns its token. It is
// nowhere else: who loses it needs another key.
func (k *Keys) Create(ctx context.Context, want coordinator.Key) (coordinator.Key, string, error) {
	now := k.now().UTC()
	if err := want.Check(now); err != nil {
		return coordinator.Key{}, "", err
	}
	scopes, err := knownScopes(want.Scopes)
	if err != nil {
		return coordinator.Key{}, "", err
	}
	k.mu.RLock()
	n := len(k.all)
	k.mu.RUnlock()
	if n >= maxKeys {
		return coordinator.Key{}, "", coordinator.Faultf(coordinator.OverLimit, "project %s has %d keys: no more are kept; those revoked or expired count for 30 days", k.project, n)
	}
	prefix, token, digest := newToken()
	rec := keyRecord{Digest: digest[:], Key: coordinator.Key{Prefix: prefix, Name: want.Name, Role: want.Role, Scopes: scopes, Project: k.project,
		Expires: want.Expires, Created: now, By: want.By}}
	if _, err := k.keys.Create(ctx, prefix, &rec); err != nil {
		return coordinator.Key{}, "", err
	}
	return rec.Key, token, nil
}

// EnsureAdmin makes a key of role admin without scopes under a name, unless a good one is there: then the
// token is "". Two callers at the same moment may make two.
func (k *Keys) EnsureAdmin(ctx context.Context, name string) (token string, err error) {
	for _, have := range k.List() {
		if have.Name == name && have.Role == coordinator.Admin && len(have.Scopes) == 0 && have.Live(k.now()) {
			return "", nil
		}
	}
	_, token, err = k.Create(ctx, coordinator.Key{Name: name, Role: coordinator.Admin, By: name})
	return token, err
}

// List returns all keys, the newest first.
func (k *Keys) List() []coordinator.Key {
	k.mu.RLock()
	defer k.mu.RUnlock()
	list := make([]coordinator.Key, 0, len(k.all))
	for _, rec := range k.all {
		list = append(list, k.shown(rec))
	}
	slices.SortFunc(list, func(a, b coordinator.Key) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.Prefix, b.Prefix))
	})
	return list
}

// Show returns one key.
func (k *Keys) Show(prefix string) (coordinator.Key, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	rec, ok := k.all[prefix]
	if !ok {
		return coordinator.Key{}, coordinator.Faultf(coordinator.Unknown, "no such key: %.40q", prefix)
	}
	return k.shown(rec), nil
}

// shown is a key with its last use; k.mu is held.
func (k *Keys) shown(rec keyRecord) coordinator.Key {
	rec.Used = k.noted[rec.Prefix]
	if here := k.used[rec.Prefix]; here.After(rec.Used) {
		rec.Used = here
	}
	return rec.Key
}

// Revoke ends a key, everywhere within 5 s. One that was revoked before stays as it is.
func (k *Keys) Revoke(ctx context.Context, prefix, by string) (coordinator.Key, error) {
	if _, err := k.Show(prefix); err != nil {
		return coordinator.Key{}, err
	}
	// It is not removed: the mark of a removal is gone after an hour, and a coordinator that
	// was away for longer would hold the key for good.
	_, err := k.keys.Change(ctx, prefix, func(v *keyRecord) error {
		if len(v.Digest) == 0 {
			return coordinator.Faultf(coordinator.Unknown, "no such key: %s", prefix)
		}
		if v.Revoked.IsZero() {
			v.Revoked, v.RevokedBy = k.now().UTC(), by
		}
		return nil
	})
	if err != nil {
		return coordinator.Key{}, err
	}
	return k.Show(prefix)
}

// check returns the key that a token is of; found says that there is one of that prefix.
func (k *Keys) check(prefix string, digest [sha256.Size]byte) (key coordinator.Key, found bool, err error) {
	now := k.now()
	k.mu.RLock()
	rec, found := k.all[prefix]
	stale := now.Sub(k.proved) > staleAfter
	k.mu.RUnlock()
	switch same := subtle.ConstantTimeCompare(rec.Digest, digest[:]) == 1; {
	case !found:
		return key, false, nil
	case !same:
		return key, true, errUnnamed
	case stale: // before the rest, since none of it may be so any more
		return key, true, errStale
	case !rec.Revoked.IsZero():
		return key, true, coordinator.Faultf(coordinator.Unnamed, "key %s was revoked", prefix)
	case !rec.Live(now):
		return key, true, coordinator.Faultf(coordinator.Unnamed, "key %s has expired", prefix)
	}
	k.mu.Lock()
	k.used[prefix] = now
	k.mu.Unlock()
	return rec.Key, true, nil
}

// confirm asks the store at once when what is known here is out of date: this process may have
// stood still. All who come meanwhile wait for one answer, for confirmFor at most.
func (k *Keys) confirm(ctx context.Context) {
	if k.fresh() {
		return
	}
	k.mu.Lock()
	if k.asking == nil && time.Since(k.failed) >= confirmEvery {
		k.asking = make(chan struct{})
		go func(done chan struct{}) {
			ctx, cancel := context.WithTimeout(context.Background(), confirmFor)
			defer cancel()
			err := k.prove(ctx)
			k.mu.Lock()
			defer k.mu.Unlock()
			if k.asking = nil; err != nil {
				k.failed = time.Now()
			}
			close(done)
		}(k.asking)
	}
	done := k.asking
	k.mu.Unlock()
	if done == nil {
		return
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// good reports whether a key is there and known to be good.
func (k *Keys) good(prefix string) bool {
	now := k.now()
	k.mu.RLock()
	defer k.mu.RUnlock()
	rec, ok := k.all[prefix]
	return ok && rec.Live(now) && now.Sub(k.proved) <= staleAfter
}

// fresh reports whether what is known here is known to be so.
func (k *Keys) fresh() bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.now().Sub(k.proved) <= staleAfter
}

// prove asks the store whether something is there that was not seen here.
func (k *Keys) prove(ctx context.Context) error {
	asked := k.now()
	if err := k.control.Current(ctx); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if asked.After(k.proved) {
		k.proved = asked
	}
	return nil
}

// note writes down which keys were used, and removes those that are listed no more.
func (k *Keys) note(ctx context.Context) error {
	now := k.now()
	var due, over []string
	k.mu.RLock()
	for prefix, at := range k.used {
		if at.Sub(k.noted[prefix]) >= usedNoMore {
			due = append(due, prefix)
		}
	}
	for prefix, rec := range k.all {
		if ended(&rec.Key, now) {
			over = append(over, prefix)
		}
	}
	k.mu.RUnlock()
	for _, prefix := range due {
		k.mu.RLock()
		at := k.used[prefix]
		k.mu.RUnlock()
		_, err := k.uses.Change(ctx, prefix, func(v *useRecord) error {
			if v.At.Before(at) {
				v.At = at.UTC()
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, prefix := range over {
		if err := k.remove(ctx, prefix); err != nil {
			return err
		}
	}
	return nil
}

// ended reports whether a key's time in the list is over.
func ended(k *coordinator.Key, now time.Time) bool {
	at := k.Revoked
	if at.IsZero() {
		at = k.Expires
	}
	return !at.IsZero() && now.Sub(at) > keepFor
}

func (k *Keys) remove(ctx context.Context, prefix string) error {
	if _, rev, err := k.uses.Read(ctx, prefix); err == nil {
		if err := k.uses.Remove(ctx, prefix, rev); err != nil {
			return ignoreChanged(err)
		}
	}
	rec, rev, err := k.keys.Read(ctx, prefix)
	if err != nil || !ended(&rec.Key, k.now()) || bytes.Equal(rec.Digest, nil) {
		return nil
	}
	return ignoreChanged(k.keys.Remove(ctx, prefix, rev))
}

// ignoreChanged: another coordinator does the same.
func ignoreChanged(err error) error {
	if coordinator.FamilyOf(err) == coordinator.Changed {
		return nil
	}
	return err
}
