package library

import (
	"context"
	"time"

	"sluice/coordinator"
)

// sweepAfter is how old a document is that is swept: above the time that a save takes.
const sweepAfter = time.Hour

// Sweep removes documents that no version names, such as those of a coordinator that died between
// a document and its head. The leader calls it now and then; it may run on several coordinators at
// once.
func (l *Library) Sweep(ctx context.Context) error {
	stored, err := l.docs.Stored(ctx)
	if err != nil {
		return err
	}
	if err := l.cfg.Control.Current(ctx); err != nil { // so that every head is known which names one of them
		return err
	}
	named := l.named()
	for _, r := range stored {
		if named[r.Key] || l.now().Sub(r.At) < sweepAfter {
			continue
		}
		if err := l.docs.Remove(ctx, r.Key, r.Rev); err != nil && coordinator.FamilyOf(err) != coordinator.Changed {
			return err
		}
	}
	return nil
}

// named returns the keys of the documents that there are.
func (l *Library) named() map[string]bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	keys := map[string]bool{}
	for name, h := range l.known {
		for i := range h.Versions {
			if e := &h.Versions[i]; !e.Gone {
				keys[key(name, e.Version, e.Digest)] = true
			}
		}
	}
	return keys
}
