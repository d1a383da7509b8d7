package fleet

import (
	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/nodes"
)

// announced takes what was said of a kind, once for all: the stream has each kind's words once.
func (f *Fleet) announced(m *bus.Stored) {
	k, err := nodes.Announced(m.Data)
	if err != nil {
		f.log.Warn("what was announced is no kind", "subject", m.Subject, "err", err)
		return
	}
	v := coordinator.KindVersion{Kind: k.Kind, Version: k.Version}
	if m.Subject != bus.KindSubject(bus.KindVersion(v), m.Data) {
		f.log.Warn("a kind was announced in another one's place", "subject", m.Subject, "kind", k.Kind)
		return
	}
	if !f.learn(v, &k) {
		return
	}
	f.log.Debug("a kind was announced", "kind", k.Kind, "version", k.Version)
	f.call()
}

// learn keeps a kind, and reports whether that is news.
func (f *Fleet) learn(v coordinator.KindVersion, k *nodes.Kind) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.kinds) >= maxKinds {
		f.log.Error("there are too many kinds to know them all", "most", maxKinds)
		return false
	}
	news := !f.kinds[v]
	f.kinds[v] = true
	if _, own := f.cfg.Catalogue.Lookup(k.Kind); own {
		return news
	}
	if old := f.latest[k.Kind]; old != nil && old.Version > k.Version {
		return news
	}
	f.latest[k.Kind] = k // the last words count
	f.catalogue = nil
	return true
}

// Known reports whether a kind was ever announced in that version, or is one of this build. A
// recipe with another kind is refused: no worker to wait for was ever seen.
func (f *Fleet) Known(kind string, version int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kinds[coordinator.KindVersion{Kind: kind, Version: version}]
}

// Catalogue returns the kinds of this build and those that workers have announced, each in its
// highest version. Recipes with the latter are checked by it as with any other; it can't run them.
func (f *Fleet) Catalogue() *nodes.Catalogue {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.catalogue != nil {
		return f.catalogue
	}
	others := make([]nodes.Kind, 0, len(f.latest))
	for _, k := range f.latest {
		others = append(others, *k)
	}
	c, err := f.cfg.Catalogue.With(others...)
	if err != nil { // no two have one name
		f.log.Error("the announced kinds make no catalogue", "err", err)
		c = f.cfg.Catalogue
	}
	f.catalogue = c
	return c
}
