package library

import (
	"context"
	"path"
	"unicode/utf8"

	"sluice/coordinator"
	"sluice/recipe"
)

// Bounds of a document that is sent along.
const (
	maxFiles     = 100
	defaultLabel = "recipe.yaml"
)

// Source is a document to be compiled: one that was sent along, or a version of a saved recipe.
type Source struct {
	Name    string            // of the saved recipe, "" for a document that was sent along
	Version int               // of the saved recipe
	Label   string            // what diagnostics call it
	Text    string            // the document
	Files   map[string]string // what it includes by relative paths, by path from its folder
	digest  string
}

// Sent makes a source of a document that was sent along, and refuses what is too large, and
// files whose paths lead out of the document's folder. label is what diagnostics call it, by
// default recipe.yaml.
func Sent(label, text string, files map[string]string) (Source, error) {
	s := Source{Label: label, Text: text, Files: files}
	if label == "" || saved(label) || len(label) > maxPath || !utf8.ValidString(label) {
		s.Label = defaultLabel
	}
	doc := document{Source: text, Files: files}
	switch {
	case len(files) > maxFiles:
		return s, coordinator.Faultf(coordinator.TooLarge, "%d files were sent with the recipe; at most %d may be", len(files), maxFiles)
	case doc.size() > recipe.MaxDocument:
		return s, coordinator.Faultf(coordinator.TooLarge, "the recipe and its files have %d bytes; at most %d are allowed", doc.size(), recipe.MaxDocument)
	case !utf8.ValidString(text):
		return s, coordinator.Faultf(coordinator.Invalid, "%s is not UTF-8", s.Label)
	}
	for p, text := range files {
		if !cleanPath(p) {
			return s, coordinator.Faultf(coordinator.Invalid, "a file was sent as %q: write a path within the recipe's folder, such as parts/sub.yaml", clip(p, maxPath))
		}
		if !utf8.ValidString(text) {
			return s, coordinator.Faultf(coordinator.Invalid, "the file %s is not UTF-8", p)
		}
	}
	return s, nil
}

// Saved reads the source that a reference names: NAME, NAME@latest or NAME@VERSION. A
// coordinator.Unknown says that there is none.
func (l *Library) Saved(ctx context.Context, ref string) (Source, error) {
	s, _, err := l.version(ctx, ref)
	return s, err
}

// version reads a version and what is known of it, as the store has it now: another coordinator
// may have saved it a moment ago.
func (l *Library) version(ctx context.Context, ref string) (Source, *entry, error) {
	r, err := ParseRef(ref)
	if err != nil {
		return Source{}, nil, err
	}
	h, _, err := l.stored(ctx, r.Name)
	if err != nil {
		return Source{}, nil, err
	}
	e, err := h.find(r)
	if err != nil {
		return Source{}, nil, l.near(r.Name, err)
	}
	d, err := l.read(ctx, r.Name, e)
	if err != nil {
		return Source{}, nil, err
	}
	return sourceOf(r.Name, e, d), e, nil
}

func sourceOf(name string, e *entry, d *document) Source {
	return Source{Name: name, Version: e.Version, Label: Ref{name, e.Version}.String(), Text: d.Source, Files: d.Files, digest: e.Digest}
}

// near says what name may have been meant where none is known.
func (l *Library) near(name string, err error) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if f, ok := err.(*coordinator.Fault); ok && l.known[name].latest() == nil {
		f.Hint = recipe.DidYouMean(name, l.names)
	}
	return err
}

// beside names a file of a document's folder as diagnostics do.
func (s *Source) beside(p string) string {
	if s.Name != "" {
		return s.Label + "/" + p
	}
	return path.Join(path.Dir(s.Label), p)
}

// Params lists the parameters that a source declares; diagnostics where the document cannot be
// read.
func (s *Source) Params() ([]coordinator.RecipeParam, recipe.Diagnostics) {
	doc, faults := recipe.Decode(s.Label, []byte(s.Text))
	if len(faults) > 0 {
		return nil, faults
	}
	list := make([]coordinator.RecipeParam, len(doc.Params))
	for i, p := range doc.Params {
		list[i] = coordinator.RecipeParam{Name: p.Name, Type: p.Type, Doc: p.Doc, Required: p.Default == nil}
		if p.Default != nil {
			list[i].Default = p.Default.AppendJSON(nil)
		}
	}
	return list, nil
}
