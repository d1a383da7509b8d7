package library

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"sync"

	"sluice/coordinator"
)

const defaultCache = 32 << 20

// document is what is stored of a version beside its entry in the head.
type document struct {
	Source string            `json:"source"`
	Files  map[string]string `json:"files,omitempty"`
}

// digest is the SHA-256 of the text and of the files with their paths.
func (d *document) digest() string {
	h := sha256.New()
	enc := json.NewEncoder(h) // a line each, so that nothing can be taken for something else
	_ = enc.Encode([]byte(d.Source))
	for _, p := range slices.Sorted(maps.Keys(d.Files)) {
		_ = enc.Encode([][]byte{[]byte(p), []byte(d.Files[p])})
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (d *document) size() int {
	n := len(d.Source)
	for p, text := range d.Files {
		n += len(p) + len(text)
	}
	return n
}

// read returns the document of a version.
func (l *Library) read(ctx context.Context, name string, e *entry) (*document, error) {
	k := key(name, e.Version, e.Digest)
	if d := l.cache.get(k); d != nil {
		return d, nil
	}
	d, _, err := l.docs.Read(ctx, k)
	switch {
	case coordinator.FamilyOf(err) == coordinator.Unknown:
		return nil, coordinator.Faultf(coordinator.Unknown, "version %d of the recipe %s was deleted", e.Version, name)
	case err != nil:
		return nil, err
	}
	l.cache.put(k, d)
	return d, nil
}

// cache keeps documents that were read last, up to a bound on their bytes. A document never
// changes, so none is ever stale.
type cache struct {
	bound int

	mu    sync.Mutex
	bytes int                      // guarded by mu
	byKey map[string]*list.Element // guarded by mu
	order *list.List               // of cached, the one used last in front; guarded by mu
}

type cached struct {
	key string
	doc *document
}

func newCache(bound int) *cache {
	return &cache{bound: bound, byKey: map[string]*list.Element{}, order: list.New()}
}

func (c *cache) get(key string) *document {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.byKey[key]
	if at == nil {
		return nil
	}
	c.order.MoveToFront(at)
	return at.Value.(cached).doc
}

func (c *cache) put(key string, d *document) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKey[key] != nil || d.size() > c.bound {
		return
	}
	c.byKey[key] = c.order.PushFront(cached{key, d})
	c.bytes += d.size()
	for c.bytes > c.bound {
		old := c.order.Remove(c.order.Back()).(cached)
		delete(c.byKey, old.key)
		c.bytes -= old.doc.size()
	}
}
