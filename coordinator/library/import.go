package library

import (
	"cmp"
	"context"
	"slices"

	"sluice/coordinator"
	"sluice/recipe"
)

// importing is an import at work: it looks at all, and then writes.
type importing struct {
	l         *Library
	by        string
	made      *Imported
	conflicts []string
	heads     map[string]*head     // as they will be, by name
	docs      map[string]*document // those to be written, by key
	news      map[string][]entry   // to be written, by name
	needs     map[string][]string  // what they include that is there, by key
	added     []added              // and what they need
}

// added is a version that was written.
type added struct {
	name string
	coordinator.RecipeVersion
}

// look sorts the versions of a recipe into those that are new, the same, and in conflict.
func (im *importing) look(one *bundledName) error {
	now := im.l.head(one.Name)
	next := &head{}
	if now != nil {
		next.Versions = append(next.Versions, now.Versions...)
	}
	for i := range one.Versions {
		v := &one.Versions[i]
		at := Ref{one.Name, v.Version}.String()
		switch e := now.numbered(v.Version); {
		case e != nil && e.Digest != v.Digest:
			im.conflicts = append(im.conflicts, at)
			continue
		case e != nil && !e.Gone:
			im.made.Same = append(im.made.Same, at)
			continue
		}
		fresh := entry{RecipeVersion: v.RecipeVersion}
		fresh.ImportedBy = im.by
		im.news[one.Name] = append(im.news[one.Name], fresh)
		im.docs[key(one.Name, v.Version, v.Digest)] = &v.document
	}
	next.put(im.news[one.Name])
	if len(next.Versions) > MaxVersions {
		return coordinator.Faultf(coordinator.OverLimit, "the recipe %s would have %d versions; at most %d are kept", one.Name, len(next.Versions), MaxVersions)
	}
	im.heads[one.Name] = next
	return nil
}

// put brings entries into a head, in the place of deleted ones of their numbers.
func (h *head) put(entries []entry) {
	var added []entry
	for _, e := range entries {
		if old := h.numbered(e.Version); old != nil {
			*old = e
		} else {
			added = append(added, e)
		}
	}
	h.merge(added)
}

// check compiles what will be the latest versions. What they use is written down anew: an archive
// may say anything.
func (im *importing) check(ctx context.Context, b *bundle) error {
	im.l.mu.RLock()
	names := len(im.l.names)
	for name := range im.heads {
		if im.l.known[name].latest() == nil {
			names++
		}
	}
	im.l.mu.RUnlock()
	if names > MaxRecipes {
		return coordinator.Faultf(coordinator.OverLimit, "there would be %d recipes; at most %d are saved", names, MaxRecipes)
	}
	var found recipe.Diagnostics
	for _, one := range b.Recipes {
		newest := im.heads[one.Name].latest()
		for i := range im.news[one.Name] {
			e := &im.news[one.Name][i]
			doc := im.docs[key(one.Name, e.Version, e.Digest)]
			r := im.l.resolver(ctx, sourceOf(one.Name, e, doc))
			r.heads, r.docs = im.heads, im.docs
			_, faults, err := r.check(ctx)
			if err != nil {
				return err
			}
			if e.Artifacts, err = doc.artifacts(one.Name); err != nil {
				return err
			}
			e.Uses, e.Secrets = r.used(), doc.secrets()
			im.needs[key(one.Name, e.Version, e.Digest)] = r.there()
			if newest != nil && newest.Version == e.Version {
				newest.Uses = e.Uses
				found = append(found, faults...)
			}
		}
	}
	if len(found) > 0 {
		return refused("the archive", found)
	}
	return nil
}

// write stores what is new of a recipe: the documents, and then the head.
func (im *importing) write(ctx context.Context, name string) error {
	fresh := im.news[name]
	if len(fresh) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, changeFor)
	defer cancel()
	for _, e := range fresh {
		k := key(name, e.Version, e.Digest)
		if err := im.l.write(ctx, name, k, im.docs[k]); err != nil {
			return err
		}
	}
	_, err := im.l.heads.Change(ctx, name, func(h *head) error {
		for _, e := range fresh {
			if is := h.numbered(e.Version); is != nil && is.Digest != e.Digest {
				return coordinator.Faultf(coordinator.Changed, "the recipe %s was changed meanwhile; import again", name)
			}
		}
		h.put(fresh)
		return nil
	})
	if err != nil {
		return err
	}
	for _, e := range fresh {
		// Who deletes the same version right now may have taken the document for left behind.
		k := key(name, e.Version, e.Digest)
		if err := im.l.write(ctx, name, k, im.docs[k]); err != nil {
			return err
		}
		v := added{name, e.RecipeVersion}
		v.Uses = im.needs[k] // an old version may include what was not there before
		im.added = append(im.added, v)
	}
	return nil
}

// stand looks again, behind all that was written, whether what it includes is still there, and takes
// back what does not stand, with what includes that. It returns the first fault.
func (im *importing) stand(ctx context.Context) (first error) {
	for n := -1; n != len(im.added); {
		n = len(im.added)
		im.added = slices.DeleteFunc(im.added, func(v added) bool {
			err := im.l.stands(ctx, v.name, &v.RecipeVersion)
			first = cmp.Or(first, err)
			return err != nil
		})
	}
	im.made.Added = nil
	for _, v := range im.added {
		im.made.Added = append(im.made.Added, Ref{v.name, v.Version}.String())
	}
	return first
}
