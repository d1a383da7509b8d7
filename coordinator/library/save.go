package library

import (
	"context"
	"slices"
	"strings"
	"time"

	"sluice/coordinator"
	"sluice/recipe"
)

const (
	maxDescription = 1000             // bytes of a description that are kept for lists
	changeFor      = 15 * time.Second // above the time in which a cluster elects a new leader
)

// Saving is a recipe to be saved.
type Saving struct {
	Name   string
	Source Source // that was sent along
	By     string
	Expect *int // the latest version that the caller has seen, 0 for none; nil for any
}

// Save stores a recipe as the next version of its name, when it compiles. Where the latest version
// is the same to the byte, that one is returned, and again is true. The fault is
// coordinator.Refused with the diagnostics for one that does not compile, and
// coordinator.Changed when the latest version is not the expected one.
func (l *Library) Save(ctx context.Context, s Saving) (v coordinator.RecipeVersion, again bool, err error) {
	if err := checkName(s.Name); err != nil {
		return v, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, changeFor)
	defer cancel()
	doc := &document{Source: s.Source.Text, Files: s.Source.Files}
	digest := doc.digest()
	artifacts, err := doc.artifacts(s.Name)
	if err != nil {
		return v, false, err
	}
	for {
		h, rev, err := l.stored(ctx, s.Name)
		if err != nil {
			return v, false, err
		}
		newest := h.latest()
		if newest != nil && newest.Digest == digest {
			return newest.RecipeVersion, true, nil
		}
		if err := l.mayAdd(h, &s); err != nil {
			return v, false, err
		}
		v, err = l.checked(ctx, &s, h.next(), digest)
		if err != nil {
			return v, false, err
		}
		v.Artifacts = artifacts
		h.Versions = append(h.Versions, entry{RecipeVersion: v, Secrets: doc.secrets()})
		if err = l.add(ctx, s.Name, h, rev, v, doc); err == nil {
			err = l.stands(ctx, s.Name, &v)
			return v, false, err
		}
		if coordinator.FamilyOf(err) != coordinator.Changed || ctx.Err() != nil {
			return v, false, err
		}
	}
}

// stored reads the head of a name as the store has it now; one that is not there is empty.
func (l *Library) stored(ctx context.Context, name string) (*head, uint64, error) {
	h, rev, err := l.heads.Read(ctx, name)
	if coordinator.FamilyOf(err) == coordinator.Unknown {
		return &head{}, rev, nil
	}
	return h, rev, err
}

// mayAdd refuses a version that nobody expects, and one too many.
func (l *Library) mayAdd(h *head, s *Saving) error {
	has := 0
	if e := h.latest(); e != nil {
		has = e.Version
	}
	l.mu.RLock()
	names := len(l.names)
	l.mu.RUnlock()
	switch {
	case s.Expect != nil && *s.Expect != has && has == 0:
		return coordinator.Faultf(coordinator.Changed, "the recipe %s has no version any more; version %d was expected", s.Name, *s.Expect)
	case s.Expect != nil && *s.Expect != has && *s.Expect == 0:
		return coordinator.Faultf(coordinator.Changed, "the recipe %s exists: its latest version is %d, and none was expected", s.Name, has)
	case s.Expect != nil && *s.Expect != has:
		return coordinator.Faultf(coordinator.Changed, "the recipe %s was changed meanwhile: its latest version is %d, and %d was expected", s.Name, has, *s.Expect)
	case len(h.Versions) >= MaxVersions:
		return coordinator.Faultf(coordinator.OverLimit, "the recipe %s has had %d versions, and no recipe has more; save it under another name", s.Name, len(h.Versions))
	case has == 0 && names >= MaxRecipes:
		return coordinator.Faultf(coordinator.OverLimit, "%d recipes are saved, and no project has more; delete some", names)
	}
	return nil
}

// checked compiles what is to be saved as version n and says what is known of it.
func (l *Library) checked(ctx context.Context, s *Saving, n int, digest string) (v coordinator.RecipeVersion, err error) {
	top := Source{Name: s.Name, Version: n, Label: Ref{s.Name, n}.String(), Text: s.Source.Text, Files: s.Source.Files, digest: digest}
	r := l.resolver(ctx, top)
	_, found, err := r.check(ctx)
	if err != nil {
		return v, err
	}
	if len(found) > 0 {
		return v, refused("the recipe "+s.Name, relabelled(found, top.Label, s.Source.Label))
	}
	return coordinator.RecipeVersion{Version: n, Description: clip(r.doc.Description, maxDescription), Digest: digest,
		Uses: r.used(), By: s.By, At: l.now()}, nil
}

// stands looks again, behind the head of a new version, whether all is there that it includes: what
// was deleted at the same moment is seen now. Where something is not, the version is deleted and the
// fault is coordinator.Conflict.
func (l *Library) stands(ctx context.Context, name string, v *coordinator.RecipeVersion) error {
	var gone error
	for _, use := range v.Uses {
		if ref, err := ParseRef(use); err == nil {
			if _, err = l.head(ref.Name).find(ref); err != nil {
				gone = coordinator.Faultf(coordinator.Conflict, "the recipe %s includes what was deleted at the same moment: %w", name, err)
			}
		}
	}
	if gone == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), changeFor)
	defer cancel()
	_, err := l.heads.Change(ctx, name, func(h *head) error {
		if e := h.numbered(v.Version); e != nil && e.Digest == v.Digest {
			e.Gone = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	l.discard(ctx, name, &entry{RecipeVersion: *v})
	return gone
}

// relabelled names the document and its files as whoever sent them did, where they are at fault.
func relabelled(found recipe.Diagnostics, as, label string) recipe.Diagnostics {
	sent := Source{Label: label}
	for i := range found {
		if found[i].File == as {
			found[i].File = label
		} else if p, ok := strings.CutPrefix(found[i].File, as+"/"); ok {
			found[i].File = sent.beside(p)
		}
	}
	return found
}

// write stores a document, over one that was left behind or another's of this moment: so what is
// swept or discarded is not it.
func (l *Library) write(ctx context.Context, name, k string, doc *document) error {
	_, err := l.docs.Create(ctx, k, doc)
	for coordinator.FamilyOf(err) == coordinator.Changed && ctx.Err() == nil {
		_, old, rerr := l.docs.Read(ctx, k)
		if rerr != nil && coordinator.FamilyOf(rerr) != coordinator.Unknown {
			return rerr
		}
		_, err = l.docs.Update(ctx, k, doc, old)
	}
	return tooLarge(name, err)
}

// add stores a document and then the head that names it. Where another head was stored meanwhile
// the document is taken back.
func (l *Library) add(ctx context.Context, name string, h *head, rev uint64, v coordinator.RecipeVersion, doc *document) error {
	if err := l.write(ctx, name, key(name, v.Version, v.Digest), doc); err != nil {
		return err
	}
	_, err := l.heads.Update(ctx, name, h, rev)
	if coordinator.FamilyOf(err) != coordinator.Changed {
		return err
	}
	now, _, rerr := l.stored(ctx, name)
	if rerr != nil {
		return rerr
	}
	if e := now.numbered(v.Version); e == nil || e.Digest != v.Digest {
		l.discard(ctx, name, &entry{RecipeVersion: v})
	}
	return err
}

// discard removes the document of a version unless a head names it. One that stays is swept. Who
// brings the version back writes its head first, and then the document anew: it is seen here, or
// what was read here is not the latest any more.
func (l *Library) discard(ctx context.Context, name string, e *entry) {
	k := key(name, e.Version, e.Digest)
	_, rev, err := l.docs.Read(ctx, k)
	if err != nil || l.cfg.Control.Current(ctx) != nil {
		return
	}
	if now := l.head(name).numbered(e.Version); now == nil || now.Gone || now.Digest != e.Digest {
		_ = l.docs.Remove(ctx, k, rev)
	}
}

func tooLarge(name string, err error) error {
	if coordinator.FamilyOf(err) == coordinator.TooLarge {
		return coordinator.Faultf(coordinator.TooLarge, "the recipe %s is too large to be saved: %w", name, err)
	}
	return err
}

// merge puts entries of other numbers into a head, in order.
func (h *head) merge(entries []entry) {
	h.Versions = append(h.Versions, entries...)
	slices.SortFunc(h.Versions, func(a, b entry) int { return a.Version - b.Version })
}
