package coordinator

import (
	"time"

	"sluice/recipe"
)

// Document is a recipe that is sent along.
type Document struct {
	Source string            `json:"source,omitempty" maxLength:"2000000" doc:"The recipe, YAML or JSON."`
	File   string            `json:"file,omitempty" maxLength:"256" doc:"What diagnostics call it; recipe.yaml when it is not given."`
	Files  map[string]string `json:"files,omitempty" doc:"What it includes by relative paths, by path."`
	Params Values            `json:"params,omitempty" doc:"Values of its parameters."`
}

// Checked is what a check of a recipe found.
type Checked struct {
	Sound       bool               `json:"sound"`
	Diagnostics recipe.Diagnostics `json:"diagnostics"`
	Steps       int                `json:"steps,omitempty"`
	Edges       int                `json:"edges,omitempty"`
}

// Planned is a compiled recipe.
type Planned struct {
	Plan    *recipe.Plan `json:"plan"`
	Mermaid string       `json:"mermaid" doc:"The plan as a Mermaid flowchart."`
	DOT     string       `json:"dot" doc:"The plan as a Graphviz graph."`
}

// Submission asks for a job: of a saved recipe, or of a document that is sent along.
type Submission struct {
	Recipe string `json:"recipe,omitempty" maxLength:"128" doc:"A saved recipe: NAME, NAME@latest or NAME@VERSION; instead of a source."`
	Document
	Labels   map[string]string `json:"labels,omitempty" maxProperties:"32" doc:"To find the job by."`
	Priority int               `json:"priority,omitempty" minimum:"-10" maximum:"10" doc:"The higher ones get more of the workers."`
	Deadline time.Time         `json:"deadline,omitzero" doc:"When the job fails if it is not over."`
	Within   string            `json:"deadline_in,omitempty" maxLength:"32" example:"1h30m" doc:"The same as a time from the submission on, such as 90s or 1h30m; instead of a deadline. Sent again with the same Idempotency-Key it is the same submission."`
	Seed     uint64            `json:"seed,omitempty" doc:"Of the random kinds."`
}

// Kind is a kind of node as it is listed.
type Kind struct {
	Kind     string         `json:"kind"`
	Version  int            `json:"version"`
	Category string         `json:"category"`
	Summary  string         `json:"summary"`
	Doc      string         `json:"doc,omitempty"`
	In       []Port         `json:"in"`
	Out      []Port         `json:"out"`
	Settings map[string]any `json:"settings" doc:"JSON Schema of the node's config."`
}

// Port is a typed in- or outlet of a kind.
type Port struct {
	Name string      `json:"name"`
	Type recipe.Type `json:"type"`
}

// EdgeEnd is one end of an edge that is asked about.
type EdgeEnd struct {
	Kind   string `json:"kind" maxLength:"64"`
	Port   string `json:"port,omitempty" maxLength:"64" doc:"The usual one, out or in, when it is not given."`
	Config Values `json:"config,omitempty" doc:"The node's settings, where they decide its types."`
}

// EdgeVerdict says whether two ports may be joined.
type EdgeVerdict struct {
	Legal bool        `json:"legal"`
	Type  recipe.Type `json:"type,omitempty" doc:"What would go there; none where that is told by what leads into the first kind."`
	Why   string      `json:"why,omitempty" doc:"What is in the way."`
	Hint  string      `json:"hint,omitempty"`
}
