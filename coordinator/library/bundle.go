package library

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"sluice/coordinator"
)

// MaxBundle bounds an export and an import, in bytes.
const MaxBundle = 64 << 20

// bundleForm is the form of the archive that this build writes and reads.
const bundleForm = 1

// bundle is saved recipes in one archive, a JSON document: by names, by versions.
type bundle struct {
	Form    int           `json:"sluice_recipes"`
	Recipes []bundledName `json:"recipes"`
}

type bundledName struct {
	Name     string           `json:"name"`
	Versions []bundledVersion `json:"versions"`
}

type bundledVersion struct {
	coordinator.RecipeVersion
	document
}

// Export writes recipes with all their versions into one archive, all of them when none is named.
// The same recipes give the same bytes.
func (l *Library) Export(ctx context.Context, names []string) ([]byte, error) {
	if len(names) == 0 {
		l.mu.RLock()
		names = slices.Clone(l.names)
		l.mu.RUnlock()
	}
	b := bundle{Form: bundleForm, Recipes: []bundledName{}}
	size := 0
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		h := l.head(name)
		if h.latest() == nil {
			return nil, l.near(name, coordinator.Faultf(coordinator.Unknown, "no recipe is saved as %s", clip(name, MaxName)))
		}
		one := bundledName{Name: name}
		for i := range h.Versions {
			e := &h.Versions[i]
			if e.Gone {
				continue
			}
			d, err := l.read(ctx, name, e)
			if err != nil {
				return nil, err
			}
			if size += d.size(); size > MaxBundle {
				return nil, exportTooLarge()
			}
			one.Versions = append(one.Versions, bundledVersion{e.RecipeVersion, *d})
		}
		b.Recipes = append(b.Recipes, one)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(b); err != nil {
		return nil, err
	}
	if out.Len() > MaxBundle {
		return nil, exportTooLarge()
	}
	return out.Bytes(), nil
}

func exportTooLarge() error {
	return &coordinator.Fault{Family: coordinator.TooLarge, Text: "the recipes do not fit one archive of 64 MiB", Hint: "export some by name"}
}

// Imported is what an import did, as NAME@VERSION.
type Imported struct {
	Added []string `json:"added,omitempty"`
	Same  []string `json:"same,omitempty"` // that were there already
}

// Import brings in what Export wrote, under the same numbers. What is here already is left alone;
// when another version has a number, nothing is imported and the fault is coordinator.Conflict.
// The latest version of each recipe must compile with what is here then; older ones are kept as
// they are. What includes a version that was deleted at the same moment is taken back, and the fault
// is coordinator.Conflict.
func (l *Library) Import(ctx context.Context, archive []byte, by string) (*Imported, error) {
	b, err := readBundle(archive)
	if err != nil {
		return nil, err
	}
	if err := l.cfg.Control.Current(ctx); err != nil { // what was deleted a moment ago is not the same
		return nil, err
	}
	im := &importing{l: l, by: by, made: &Imported{}, heads: map[string]*head{}, docs: map[string]*document{}, news: map[string][]entry{}, needs: map[string][]string{}}
	for _, one := range b.Recipes {
		if err := im.look(&one); err != nil {
			return nil, err
		}
	}
	if len(im.conflicts) > 0 {
		return nil, coordinator.Faultf(coordinator.Conflict, "nothing was imported: other versions have these numbers: %s", strings.Join(im.conflicts, ", "))
	}
	if err := im.check(ctx, b); err != nil {
		return nil, err
	}
	for _, one := range b.Recipes {
		if err = im.write(ctx, one.Name); err != nil {
			break
		}
	}
	return im.made, cmp.Or(err, im.stand(ctx))
}

// readBundle reads an archive and refuses one that is not whole.
func readBundle(archive []byte) (*bundle, error) {
	if len(archive) > MaxBundle {
		return nil, coordinator.Faultf(coordinator.TooLarge, "the archive has %d bytes; at most %d are allowed", len(archive), MaxBundle)
	}
	var b bundle
	if err := json.Unmarshal(archive, &b); err != nil {
		return nil, coordinator.Faultf(coordinator.Invalid, "the archive is not JSON as an export writes it: %w", err)
	}
	if b.Form != bundleForm {
		return nil, coordinator.Faultf(coordinator.Invalid, "the archive has the form %d; this build reads %d", b.Form, bundleForm)
	}
	slices.SortFunc(b.Recipes, func(x, y bundledName) int { return cmp.Compare(x.Name, y.Name) })
	for i, one := range b.Recipes {
		if err := checkName(one.Name); err != nil {
			return nil, err
		}
		if i > 0 && b.Recipes[i-1].Name == one.Name {
			return nil, coordinator.Faultf(coordinator.Invalid, "the archive has the recipe %s twice", one.Name)
		}
		if err := checkBundled(&one); err != nil {
			return nil, err
		}
	}
	return &b, nil
}

func checkBundled(one *bundledName) error {
	slices.SortFunc(one.Versions, func(x, y bundledVersion) int { return x.Version - y.Version })
	for i := range one.Versions {
		v := &one.Versions[i]
		at := Ref{one.Name, v.Version}
		switch {
		case v.Version < 1 || i > 0 && one.Versions[i-1].Version == v.Version:
			return coordinator.Faultf(coordinator.Invalid, "the archive has version %d of the recipe %s, which is no number or there twice", v.Version, one.Name)
		case v.digest() != v.Digest:
			return coordinator.Faultf(coordinator.Invalid, "the archive was changed: the text of %s does not have its digest", at)
		}
		if _, err := Sent(at.String(), v.Source, v.Files); err != nil {
			return err
		}
		if len(v.By) > maxPath || len(v.Description) > maxDescription+len("…") {
			return coordinator.Faultf(coordinator.Invalid, "the archive has a name or a description at %s that is too long", at)
		}
		for _, use := range v.Uses {
			if _, err := ParseRef(use); err != nil {
				return err
			}
		}
	}
	return nil
}
