package compile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"sluice/nodes"
	"sluice/recipe"
)

// Options are what a compilation depends on beside the text.
type Options struct {
	// Catalogue holds the kinds that recipes may use.
	Catalogue *nodes.Catalogue
	// Params are values for the recipe's parameters, as text.
	Params map[string]string
	// Unvalued says that parameters get their values later: those without one are no fault.
	// It is for [Check] alone; a plan needs them all.
	Unvalued bool
	// Load finds what a node includes: ref is what stands behind "recipe:", from is the
	// file that says it. The file it returns is the included recipe's identity. Nil means
	// that nothing can be included.
	Load func(from, ref string) (file string, text []byte, err error)
	// Frame and Window are the plan's bounds; zero fields take the defaults of package recipe.
	Frame  recipe.FrameLimits
	Window recipe.Window
	// Seed is what random kinds start from; 0 is a seed like any other.
	Seed uint64
	// Outlets, when it is not nil, is told where the open outputs of included recipes lead
	// from: by NODE.PORT of the inclusion the NODE.PORTs of steps.
	Outlets map[string][]string
	// Decoded, when it is not nil, is told the document of the text, as it was read.
	Decoded func(*recipe.Document)
	// Stop, when it is not nil, is asked between phases and between nodes. Once it says true the
	// compiler gives up: there is no plan, and what it returns says nothing of the recipe.
	Stop func() bool
}

// Compile makes a plan of the recipe in text. The plan is nil when there is a fault.
// file is what diagnostics call the text, and what Load is given as from.
func Compile(file string, text []byte, o Options) (*recipe.Plan, recipe.Diagnostics) {
	c := newCompilation(file, text, o)
	if !c.run(phases) {
		return nil, c.diagnostics()
	}
	c.tellOutlets()
	return c.plan, nil
}

// phases is the compiler: what is done, in order. Where gate is set, the compiler goes
// no further when there has been a fault.
var phases = []phase{
	{"decode", (*compilation).decode, true},
	{"expand", (*compilation).expand, true},
	{"resolve", (*compilation).resolve, false},
	{"check settings", (*compilation).checkSettings, false},
	{"check types", (*compilation).checkTypes, false},
	{"build", (*compilation).checkBuild, false},
	{"share", (*compilation).checkShared, false},
	{"find cycles", (*compilation).findCycles, true},
	{"bound", (*compilation).bound, true},
	{"lower", (*compilation).lower, true},
}

type phase struct {
	name string
	run  func(*compilation)
	gate bool
}

// compilation is what the phases hand on to each other.
type compilation struct {
	o    Options
	file string
	text []byte

	docs  map[string]*recipe.Document // by file
	top   *unit
	units []*unit
	nodes []*node // flattened, in document order
	edges []*edge
	order []*node      // topological
	tests []testPlaces // of the top recipe, in its order

	tracing  []*openPort // being followed, from the outermost call in
	passages []*passage
	plan     *recipe.Plan

	faults recipe.Diagnostics
	known  map[recipe.Diagnostic]bool
	hints  int
	filled int  // bytes that references to parameters stand for
	halt   bool // what follows would only cascade

	part     bool         // open ports are allowed
	checking bool         // and the parameters of a recipe that has some need no values
	test     *recipe.Test // that gives the values of parameters; nil when the options do
}

func newCompilation(file string, text []byte, o Options) *compilation {
	o.Frame.Records = cmp.Or(o.Frame.Records, recipe.FrameRecords)
	o.Frame.Bytes = cmp.Or(o.Frame.Bytes, recipe.FrameBytes)
	o.Window.Splits = cmp.Or(o.Window.Splits, recipe.OpenSplits)
	o.Window.Frames = cmp.Or(o.Window.Frames, recipe.SplitWindow)
	o.Window.Bytes = cmp.Or(o.Window.Bytes, recipe.WindowBytes)
	return &compilation{o: o, file: file, text: text,
		docs: map[string]*recipe.Document{}, known: map[recipe.Diagnostic]bool{}}
}

// run runs phases and reports whether there was no fault.
func (c *compilation) run(list []phase) bool {
	for _, p := range list {
		if c.stopped() {
			return false
		}
		p.run(c)
		if c.halt || p.gate && len(c.faults) > 0 {
			return false
		}
	}
	return len(c.faults) == 0
}

// stopped reports whether the compiler is to give up, and does.
func (c *compilation) stopped() bool {
	c.halt = c.halt || c.o.Stop != nil && c.o.Stop()
	return c.halt
}

// fault reports a fault once, however often an included recipe repeats it.
func (c *compilation) fault(file string, code recipe.Code, at recipe.Place, path, hint, format string, args ...any) {
	d := recipe.Diagnostic{Code: code, File: file, Line: at.Line, Col: at.Col, Path: path, Text: oneLine(fmt.Sprintf(format, args...)), Hint: oneLine(hint)}
	if !c.known[d] {
		c.known[d] = true
		c.faults = append(c.faults, d)
	}
}

// oneLine folds line ends and the like: a diagnostic is a line, whatever it quotes.
func oneLine(s string) string {
	if strings.IndexFunc(s, unicode.IsControl) < 0 {
		return s
	}
	parts := strings.FieldsFunc(s, unicode.IsControl)
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return strings.Join(parts, " ")
}

// didYouMean bounds the work of looking for near names in a recipe full of faults.
func (c *compilation) didYouMean(name string, candidates func() []string) string {
	const most = 200_000 // names that are looked at
	if c.hints > most {
		return ""
	}
	names := candidates()
	c.hints += len(names) + 1
	return recipe.DidYouMean(name, names)
}

// diagnostics returns the faults: those of the recipe itself first, then those of each
// included file, in the order of the text.
func (c *compilation) diagnostics() recipe.Diagnostics {
	slices.SortStableFunc(c.faults, func(a, b recipe.Diagnostic) int {
		if (a.File == c.file) != (b.File == c.file) {
			if a.File == c.file {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col), cmp.Compare(a.Code, b.Code))
	})
	return c.faults
}

func (c *compilation) decode() {
	doc, faults := recipe.Decode(c.file, c.text)
	c.faults = append(c.faults, faults...)
	c.docs[c.file] = doc
	if c.o.Decoded != nil {
		c.o.Decoded(doc)
	}
}
