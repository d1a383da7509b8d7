package nodes

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/tidwall/gjson"

	"sluice/recipe"
)

// Port describes an in- or outlet of a kind. Its type may be a variable of the spec.
type Port struct {
	Name     string      `json:"name,omitempty"`
	Type     recipe.Type `json:"type,omitempty"`
	Doc      string      `json:"doc,omitempty"`
	Optional bool        `json:"optional,omitempty"` // an input port that need not be wired
	// JSONWith names the setting that reads a field of the records: when it is given, the
	// port takes json alone.
	JSONWith string `json:"json_with,omitempty"`
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
	Doc    string                 `json:"doc,omitempty"`
	Config string                 `json:"config,omitempty"` // YAML of the settings, "" for none
	In     []any                  `json:"in,omitempty"`     // records for the only input port, or
	Ins    map[string][]any       `json:"ins,omitempty"`    // records for each
	Out    []any                  `json:"out,omitempty"`
	Outs   map[string][]any       `json:"outs,omitempty"`
	Dead   []string               `json:"dead,omitempty"`  // a part of the reason of each record that is given up, in order
	Types  map[string]recipe.Type `json:"types,omitempty"` // of type variables that the records do not show
	// Files are laid into the root before the run; Wrote are compared after it.
	Files   map[string]string `json:"files,omitempty"`
	Wrote   map[string]string `json:"wrote,omitempty"`
	Stdin   string            `json:"stdin,omitempty"`
	Serve   map[string]string `json:"serve,omitempty"` // bodies by http:// URL: the network of the run
	Console string            `json:"console,omitempty"`
	Field   string            `json:"field,omitempty"` // run as a column operation
	Into    string            `json:"into,omitempty"`
}

// JSON is a record of type json in an Example, as text.
type JSON string

// Spec is all that a kind says of itself.
type Spec struct {
	Kind     string                 `json:"kind,omitempty"`
	Version  int                    `json:"version,omitempty"`  // of the behaviour; 0 is read as 1
	Category string                 `json:"category,omitempty"` // codec, crypto, text, data, math, flow, extract, net, source, sink
	Summary  string                 `json:"summary,omitempty"`  // one line, starts with a verb, no full stop
	Doc      string                 `json:"doc,omitempty"`      // more, if there is more; Markdown
	Role     Role                   `json:"role,omitempty"`
	In       []Port                 `json:"in,omitempty"`
	Out      []Port                 `json:"out,omitempty"`
	Where    map[string]recipe.Type `json:"where,omitempty"` // constraint of a type variable; none means any
	// Else is the type of a variable that no wired port and no setting says.
	Else map[string]recipe.Type `json:"else,omitempty"`
	// By are the variables that a setting decides: file_reader emits json when its
	// format is json_lines.
	By map[string]TypeBy `json:"by,omitempty"`
	// OrderedWith names the optional input port that makes a Stateless kind Ordered when
	// it is wired.
	OrderedWith string `json:"ordered_with,omitempty"`
	AtEnd       bool   `json:"at_end,omitempty"`  // implements Finisher: emits when its input has ended
	Expands     bool   `json:"expands,omitempty"` // one record may become many, or much larger (over 8 times)
	Waits       bool   `json:"waits,omitempty"`   // for as long as its settings say: an attempt at a record has no deadline
	Impure      bool   `json:"impure,omitempty"`  // asks the outside world: the answer is stored in the commit
	// Exclusive names the setting, the path of a file, by which two nodes of a recipe must
	// differ: both would write there. Paths that meet behind a link are found when a worker
	// starts the job. The kind's own name means that a recipe has one node
	// of the kind at most.
	Exclusive string `json:"exclusive,omitempty"`
	// Replay are settings that a replay of dead letters overrides, so that it adds to what
	// its job has written and does not replace it.
	Replay    map[string]any `json:"replay,omitempty"`
	Guarantee string         `json:"guarantee,omitempty"` // a sink's promise after a crash; a source's on re-reading
	Examples  []Example      `json:"examples,omitempty"`

	config reflect.Type // of the settings struct; nil for none
	build  func(cfg any, env *Env) (any, error)
}

// TypeBy binds a type variable to the value of a setting.
type TypeBy struct {
	Setting string                 `json:"setting"`
	Types   map[string]recipe.Type `json:"types,omitempty"` // by the setting's value as text
	Else    recipe.Type            `json:"else,omitempty"`  // for all other values; may be another variable
}

// RoleWith returns the role of a node of the kind whose input ports wired are wired.
func (s *Spec) RoleWith(wired []string) Role {
	if s.Role == Stateless && s.OrderedWith != "" && slices.Contains(wired, s.OrderedWith) {
		return Ordered
	}
	return s.Role
}

// Arrives reports whether a sink with these settings (canonical, as CheckConfig returns
// them) takes frames as they arrive: its setting order says arrival.
func (s *Spec) Arrives(config json.RawMessage) bool {
	return s.Role == Sink && gjson.GetBytes(config, "order").String() == "arrival"
}

// Scalar reports whether the kind can work inside structured records, as a column
// operation ([Column]): one port in, one out, an answer for each record.
func (s *Spec) Scalar() bool {
	return len(s.In) == 1 && len(s.Out) == 1 && !s.AtEnd && (s.Role == Stateless || s.Role == Ordered)
}

// Headed is implemented by the settings of a kind that may take the first record it gets for
// the header, which says how to read the others. A replay of dead letters has no header, and
// would lose a letter for one: it is refused, even by force.
type Headed interface{ HasHeader() bool }

// HasHeader reports whether a node of the kind with these settings is [Headed].
func (k *Kind) HasHeader(config json.RawMessage) bool {
	cfg, _, faults := k.decodeConfig(config)
	if faults != nil {
		return false // it can't run at all
	}
	h, ok := cfg.Interface().(Headed)
	return ok && h.HasHeader()
}

// Bound returns the type variables that settings (canonical, as CheckConfig returns
// them) decide. A value may be another variable.
func (s *Spec) Bound(config json.RawMessage) map[string]recipe.Type {
	if len(s.By) == 0 {
		return nil
	}
	bound := map[string]recipe.Type{}
	for variable, by := range s.By {
		value := gjson.GetBytes(config, by.Setting).String()
		if t, ok := by.Types[value]; ok {
			bound[variable] = t
		} else {
			bound[variable] = by.Else
		}
	}
	return bound
}

// TypedBySettings reports whether the types of ports depend on settings.
func (s *Spec) TypedBySettings() bool {
	return len(s.By) > 0 || slices.ContainsFunc(s.In, func(p Port) bool { return p.JSONWith != "" })
}

// Reads returns the setting by which an input port takes json alone, "" when it is not
// given in the settings (canonical, as CheckConfig returns them), or there is none.
func (p Port) Reads(config json.RawMessage) string {
	if p.JSONWith == "" || gjson.GetBytes(config, p.JSONWith).String() == "" {
		return ""
	}
	return p.JSONWith
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
//	format:"regex|duration|path|url|jq|expr"   checked when the recipe is checked;
//	                        in programs (regex, jq, expr) secrets are refused
//
// The constructor refuses impossible settings with an error that says what is wanted. Its
// first word is the setting's name, where one is at fault: the recipe's author is shown the
// place. It runs when a recipe is checked too, with an Env that gives access to nothing.
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
	cfg, _, faults := k.decodeConfig(config)
	if faults != nil {
		return nil, fmt.Errorf("%s: %w", k.Kind, faultsError(faults))
	}
	instance, err := k.build(cfg.Interface(), env)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.Kind, err)
	}
	return instance, nil
}
