package library

import (
	"context"
	"fmt"
	"path"

	"sluice/coordinator"
	"sluice/recipe"
)

// maxIncluded bounds the documents of one compilation together, in bytes.
const maxIncluded = 4 * recipe.MaxDocument

// resolver finds what the recipes of one compilation include. Latest means the same throughout.
type resolver struct {
	ctx context.Context
	l   *Library
	top Source
	// heads and docs are versions that are not stored yet: those of an import.
	heads map[string]*head
	docs  map[string]*document

	places map[string]place // of every document, by the name that diagnostics have for it
	seen   map[string]*head // by name, as they were when they were first asked for
	uses   map[Ref]bool     // what the document at the top, or a file of it, includes
	found  map[Ref]string   // digests of the versions that are included at any depth
	bytes  int
	fault  error // of the store: no fault of the recipe

	doc     *recipe.Document // at the top, as it was read
	stopped bool             // before it was compiled: its turn was over
}

func (r *resolver) decoded(doc *recipe.Document) { r.doc = doc }

// late reports whether the turn is over.
func (r *resolver) late() bool {
	r.stopped = r.stopped || r.ctx.Err() != nil
	return r.stopped
}

// failed returns what kept the recipe from being compiled and is no fault of it.
func (r *resolver) failed() error {
	if r.stopped {
		return r.l.late(r.top.Label)
	}
	return r.fault
}

// place is where a document stands: its source, and its path from that one's folder.
type place struct {
	source *Source
	path   string
}

func (l *Library) resolver(ctx context.Context, top Source) *resolver {
	r := &resolver{ctx: ctx, l: l, top: top, places: map[string]place{}, seen: map[string]*head{}, uses: map[Ref]bool{}, found: map[Ref]string{}}
	r.places[top.Label] = place{source: &r.top}
	return r
}

// load has the form that the compiler asks for.
func (r *resolver) load(from, ref string) (file string, text []byte, err error) {
	at := r.places[from]
	if saved(ref) {
		file, text, err = r.saved(at, ref)
	} else {
		file, text, err = r.beside(at, ref)
	}
	if r.bytes += len(text); err == nil && r.bytes > maxIncluded {
		err = fmt.Errorf("what is included has more than %d bytes", maxIncluded)
	}
	return file, text, err
}

// beside finds a file by its relative path.
func (r *resolver) beside(at place, ref string) (file string, text []byte, err error) {
	p := path.Join(path.Dir(at.path), ref)
	if path.IsAbs(ref) || !cleanPath(p) {
		return ref, nil, fmt.Errorf("it lies outside the folder of %s", at.source.Label)
	}
	file = at.source.beside(p)
	body, there := at.source.Files[p]
	if !there {
		return file, nil, fmt.Errorf("the file was not sent along; send it with the recipe, or save it and write recipe:NAME")
	}
	if _, known := r.places[file]; known {
		return file, []byte(body), nil
	}
	r.places[file] = place{at.source, p}
	return file, []byte(body), nil
}

// saved finds a saved recipe.
func (r *resolver) saved(at place, text string) (file string, body []byte, err error) {
	ref, err := ParseRef(text)
	if err != nil {
		return text, nil, err
	}
	if at.source == &r.top {
		r.uses[ref] = true
	}
	if r.top.Name == ref.Name && (ref.Version == 0 || ref.Version == r.top.Version) {
		// It is the latest now, or will be.
		if ref.Version != 0 || r.newest() {
			return r.top.Label, []byte(r.top.Text), nil
		}
	}
	e, err := r.head(ref.Name).find(ref)
	if err != nil {
		if near := r.l.near(ref.Name, err).(*coordinator.Fault); near.Hint != "" {
			err = fmt.Errorf("%w; %s", err, near.Hint)
		}
		return ref.String(), nil, err
	}
	is := Ref{ref.Name, e.Version}
	file = is.String()
	r.found[is] = e.Digest
	if known, ok := r.places[file]; ok {
		return file, []byte(known.source.Text), nil
	}
	d := r.docs[key(ref.Name, e.Version, e.Digest)]
	if d == nil {
		if d, err = r.l.read(r.ctx, ref.Name, e); err != nil {
			if coordinator.FamilyOf(err) != coordinator.Unknown {
				r.fault = err
			}
			return file, nil, err
		}
	}
	source := sourceOf(ref.Name, e, d)
	r.places[file] = place{source: &source}
	return file, []byte(d.Source), nil
}

// newest reports whether the document at the top is the latest version of its name.
func (r *resolver) newest() bool {
	e := r.head(r.top.Name).latest()
	return e == nil || e.Version <= r.top.Version
}

// head reads the versions of a name as the store has them now: another coordinator may have saved
// one a moment ago.
func (r *resolver) head(name string) *head {
	h, known := r.seen[name]
	if known {
		return h
	}
	if h = r.heads[name]; h == nil {
		var err error
		if h, _, err = r.l.stored(r.ctx, name); err != nil {
			h, r.fault = nil, err
		}
	}
	r.seen[name] = h
	return h
}
