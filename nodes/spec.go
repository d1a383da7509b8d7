package nodes

import (
	"encoding/json"
	"fmt"
	"reflect"

	"sluice/recipe"
)

// Port describes an in- or outlet of a kind. Its type may be a variable of the spec.
type Port struct {
	Name     string
	Type     recipe.Type
	Doc      string
	Optional bool // an input port that need not be wired
}

// Role says what a kind is to the engine.
type Role int

// The roles of kinds.
const (
	Stateless Role = iota // frames in any order, on any worker, in parallel
	Ordered               // one owner, frames in order; state through Stateful
	Origin                // a source: implements Source, or Feed
	Sink                  // an ordered kind with effects and no outputs
)

// Example is one run of a kind: documentation and test at once. Values are written as
// Go values: string, bool, int, float64, []byte; JSON records as [JSON].
type Example struct {
	Doc    string
	Config string           // YAML of the settings, "" for none
	In     []any            // records for the only input port, or
	Ins    map[string][]any // records for each
	Out    []any
	Outs   map[string][]any
	Dead   []string               // a part of the reason of each record that is given up, in order
	Types  map[string]recipe.Type // of type variables that the records do not show
	// Files are laid into the root before the run; Wrote are compared after it.
	Files, Wrote map[string]string
	Stdin        string
	Console      string
	Field, Into  string // run as a column operation
}

// JSON is a record of type json in an Example, as text.
type JSON string

// Spec is all that a kind says of itself.
type Spec struct {
	Kind      string
	Version   int    // of the behaviour; 0 is read as 1
	Category  string // codec, crypto, text, data, math, flow, extract, net, source, sink
	Summary   string // one line, starts with a verb, no full stop
	Doc       string // more, if there is more; Markdown
	Role      Role
	In, Out   []Port
	Where     map[string]recipe.Type // constraint of a type variable; none means any
	Expands   bool                   // one record may become many, or much larger (over 8 times)
	Impure    bool                   // asks the outside world: the answer is stored in the commit
	Guarantee string                 // a sink's promise after a crash; a source's on re-reading
	Examples  []Example

	config reflect.Type // of the settings struct; nil for none
	build  func(cfg any, env *Env) (any, error)
}

// Kind is a spec bound to its behaviour: the unit of a catalogue.
type Kind struct{ Spec }

// Define binds a spec to its settings struct and constructor. The struct's exported
// fields are the settings; tags say the rest:
//
//	json:"values_to_keep"   name, as recipes write it
//	doc:"how many values"   one line of help
//	default:"2"             value when left out; a field without default and without
//	                        optional:"true" must be given
//	min:"1" max:"100"       bounds of numbers, or of the length of strings and lists
//	enum:"a|b"              allowed values
//	format:"regex|duration|path|url|jq|expr"   checked when the recipe is checked
//
// The constructor refuses impossible settings with an error that says what is wanted; it
// runs when a recipe is checked too, with an Env that gives access to nothing.
func Define[C any](spec Spec, build func(cfg C, env *Env) (any, error)) Kind {
	spec.config = reflect.TypeFor[C]()
	spec.build = func(cfg any, env *Env) (any, error) { return build(*cfg.(*C), env) }
	if spec.Version == 0 {
		spec.Version = 1
	}
	return Kind{spec}
}

// Build makes an instance from settings (JSON, defaults filled in or not). The answer
// implements Processor, Source or Feed.
func (k *Kind) Build(config json.RawMessage, env *Env) (any, error) {
	cfg := reflect.New(k.config)
	if err := decodeConfig(config, cfg); err != nil {
		return nil, fmt.Errorf("%s: %w", k.Kind, err)
	}
	return k.build(cfg.Interface(), env)
}
