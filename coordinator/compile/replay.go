package compile

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/tidwall/sjson"

	"sluice/nodes"
	"sluice/recipe"
)

// ReplayOptions are what [Replay] needs beside the plan.
type ReplayOptions struct {
	// Catalogue holds the kinds of the plan.
	Catalogue *nodes.Catalogue
	// Source is the kind that gives the records, as the steps it makes name it.
	Source *nodes.Kind
	// Config returns the settings of the source that stands before a port and gives its
	// records of a type; the port is "" for a source that gives none.
	Config func(port string, t recipe.Type) json.RawMessage
}

// Replay makes the plan that gives records to one step once more: that step and all below
// it, with sources where edges led into it. An edge that comes from another part of the
// graph is not there; a port that only had such edges gets a source without records, so
// that it ends. Sinks get the settings that their kinds name for a replay. A node that takes its
// first record for a header is an error.
func Replay(plan *recipe.Plan, step int, o ReplayOptions) (*recipe.Plan, error) {
	if plan.Steps[step].Role == recipe.RoleSource {
		return nil, fmt.Errorf("%s is a source: nothing leads into it that could be given again", plan.Steps[step].Node)
	}
	r := &replaying{plan: plan, o: o, step: step, at: map[int]int{}, expands: map[int]bool{}}
	r.made = lowering{plan: &recipe.Plan{
		Version: plan.Version, Recipe: plan.Recipe, Description: plan.Description, Params: plan.Params,
		Seed: plan.Seed, Frame: plan.Frame, Window: plan.Window, Edges: []recipe.Edge{},
	}}
	keep := r.below()
	for i := range plan.Steps {
		if keep[i] {
			r.sources(i, keep)
		}
	}
	for i := range plan.Steps {
		if !keep[i] {
			continue
		}
		if err := r.copy(i, keep); err != nil {
			return nil, err
		}
	}
	r.made.streams()
	return r.made.plan, nil
}

// OrderedBelow returns the nodes of a plan whose answers hang on the order of all records
// that they ever saw: such a node sees replayed records late. Sinks are not among them.
func OrderedBelow(plan *recipe.Plan) []string {
	var names []string
	for i := range plan.Steps {
		if s := &plan.Steps[i]; s.Role == recipe.RoleOrdered && !s.Sink {
			names = append(names, s.Node)
		}
	}
	return names
}

type replaying struct {
	plan    *recipe.Plan
	o       ReplayOptions
	step    int // of plan, that gets the records
	made    lowering
	at      map[int]int  // where a step of plan is in the new one
	expands map[int]bool // by step of the new plan: frames may come in parts
	given   []replaySource
}

// replaySource is a source of the new plan and where its records go.
type replaySource struct {
	id   int // in the new plan
	edge *recipe.Edge
}

// below marks the step and those that its records reach.
func (r *replaying) below() []bool {
	keep := make([]bool, len(r.plan.Steps))
	keep[r.step] = true
	for i := range r.plan.Steps { // in topological order
		for _, id := range r.plan.Steps[i].In {
			keep[i] = keep[i] || keep[r.plan.Edge(id).From]
		}
	}
	return keep
}

// sources makes the sources that stand before a step: one for each type that leads into a
// port of the step that gets the records, and one without records where a port of another
// step would have no edge left.
func (r *replaying) sources(i int, keep []bool) {
	s := &r.plan.Steps[i]
	type inlet struct {
		port int
		typ  recipe.Type
	}
	seen := map[inlet]bool{}
	for _, id := range s.In {
		e := r.plan.Edge(id)
		at, port := inlet{e.ToPort, e.Type}, s.Inputs[e.ToPort].Name
		if i != r.step {
			at.typ = ""
			if r.reached(s, e.ToPort, keep) {
				continue
			}
			port = ""
		}
		if seen[at] {
			continue
		}
		seen[at] = true
		name := s.Node + "." + s.Inputs[e.ToPort].Name + "~replay"
		if n := len(seen); n > 1 {
			name = fmt.Sprintf("%s%d", name, n)
		}
		source := r.made.step(recipe.Step{
			Node: name, Kind: r.o.Source.Kind, Version: r.o.Source.Version, Role: recipe.RoleSource, Config: r.o.Config(port, e.Type),
			Outputs:  []recipe.PortType{{Name: defaultOut, Type: e.Type}},
			Parallel: stepParallel, OnError: recipe.DeadLetter, Retry: s.Retry, MaxDead: s.MaxDead, Line: s.Line, File: s.File,
		})
		r.made.plan.Steps[source].Lanes = []recipe.Lane{{Source: source}}
		r.given = append(r.given, replaySource{source, e})
	}
}

// reached reports whether a kept edge leads into the port.
func (r *replaying) reached(s *recipe.Step, port int, keep []bool) bool {
	return slices.ContainsFunc(s.In, func(id recipe.EdgeID) bool {
		e := r.plan.Edge(id)
		return e.ToPort == port && keep[e.From]
	})
}

// copy takes a step over, with the edges into it.
func (r *replaying) copy(i int, keep []bool) error {
	s := r.plan.Steps[i]
	in := s.In
	s.In, s.Out, s.Lanes = nil, nil, nil
	expands := false
	if s.Role != recipe.RoleGate {
		kind, ok := r.o.Catalogue.Lookup(s.Kind)
		if !ok || kind.Version != s.Version {
			return fmt.Errorf("node %s ran kind %s in version %d, which this build does not have", s.Node, s.Kind, s.Version)
		}
		if kind.HasHeader(s.Config) {
			return fmt.Errorf("node %s (%s) takes the first record that it gets for the header of the others, and the header is not among them", s.Node, s.Kind)
		}
		expands = kind.Expands
		for name, v := range kind.Replay {
			config, err := sjson.SetBytes(slices.Clone(s.Config), name, v)
			if err != nil {
				return fmt.Errorf("settings of %s: %w", s.Node, err)
			}
			s.Config = config
		}
	}
	id := r.made.step(s)
	r.at[i] = id
	for _, g := range r.given {
		if g.edge.To == i {
			r.made.edge(recipe.Edge{From: g.id, To: id, ToPort: g.edge.ToPort, Type: g.edge.Type, Capacity: g.edge.Capacity, Overflow: recipe.Block}, false)
		}
	}
	for _, old := range in {
		e := r.plan.Edge(old)
		if i == r.step || !keep[e.From] {
			continue
		}
		from := r.at[e.From]
		r.made.edge(recipe.Edge{From: from, FromPort: e.FromPort, To: id, ToPort: e.ToPort, Type: e.Type,
			Capacity: e.Capacity, Overflow: e.Overflow, TTL: e.TTL}, r.expands[from])
		expands = expands || r.expands[from]
	}
	r.expands[id] = expands
	return nil
}
