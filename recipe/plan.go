package recipe

import (
	"encoding/json"
	"time"
)

// JobID names one run of a plan. It is a NATS subject token: letters and digits.
type JobID string

// EdgeID names an edge of a plan: e1, e2, … in the plan's order.
type EdgeID string

// Overflow says what an edge does when it is full.
type Overflow string

// The overflow policies.
const (
	Block      Overflow = "block"
	DropOldest Overflow = "drop_oldest"
	DropNewest Overflow = "drop_newest"
)

// OnError says what happens to a record that a node gave up.
type OnError string

// What can happen to a record that was given up.
const (
	DeadLetter OnError = "dead_letter"
	Drop       OnError = "drop"
	Fail       OnError = "fail"
)

// Role says how a step is run.
type Role string

// The roles of steps.
const (
	RoleSource  Role = "source"  // reads splits; has no in-edge
	RoleRelay   Role = "relay"   // stateless: any worker, any order, in parallel
	RoleOrdered Role = "ordered" // one owner at a time, frames in order, state in checkpoints
	RoleGate    Role = "gate"    // the stateless identity step that reads a lossy edge
)

// PlanVersion is the version of the plan's form that this build writes. One that older builds
// would run wrongly has a higher one.
const PlanVersion = 1

// Plan is a compiled recipe: what workers and coordinators run. It is plain data,
// encodes to the same bytes for the same recipe, and holds no secret's value.
type Plan struct {
	Version     int            `json:"version"` // of the plan's form
	Recipe      string         `json:"recipe"`
	Description string         `json:"description,omitempty"`
	Params      map[string]any `json:"params,omitempty"`
	Seed        uint64         `json:"seed"`
	Frame       FrameLimits    `json:"frame"`
	Window      Window         `json:"window"`
	Steps       []Step         `json:"steps"`
	Edges       []Edge         `json:"edges"`
	Streams     []Stream       `json:"streams"`
	Saved       []Saved        `json:"saved,omitempty"`   // the saved recipes that are included, by name and version
	Secrets     []string       `json:"secrets,omitempty"` // of a replay: names of the secrets that made its letters; see SecretNames
}

// FrameLimits bounds the frames that sources cut.
type FrameLimits struct {
	Records int `json:"records"`
	Bytes   int `json:"bytes"`
}

// Saved is a version of a saved recipe that a plan was made of: what latest meant then.
type Saved struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Digest  string `json:"digest"` // of its document and the files beside it
}

// Window bounds what a source keeps in flight towards ordered steps.
type Window struct {
	Splits int   `json:"splits"` // S
	Frames int   `json:"frames"` // W, of each split
	Bytes  int64 `json:"bytes"`  // held early at ordered steps
}

// Kinds of nodes that others than workers ask for, since they use the console of the process that
// runs the job.
const (
	KindPrinter = "printer" // a sink that keeps no records
	KindStdin   = "stdin"
)

// Step is a compiled node. Its ID is its index in Plan.Steps; steps are in
// topological order, and in document order where the graph leaves a choice.
type Step struct {
	ID      int             `json:"id"`
	Node    string          `json:"node"` // path of the node: "digest", "geo/host"; a gate is "NODE.PORT~gate"
	Kind    string          `json:"kind"`
	Version int             `json:"kind_version"`
	Role    Role            `json:"role"`
	Sink    bool            `json:"sink,omitempty"`
	Config  json.RawMessage `json:"config"` // canonical, defaults filled in; ${secret:name} stays as it is
	Field   string          `json:"field,omitempty"`
	Into    string          `json:"into,omitempty"`
	// FieldType and IntoType are what the kind itself reads and makes when Field is set;
	// Inputs and Outputs then are json, as the edges carry. Number stands for int or float,
	// record by record.
	FieldType Type `json:"field_type,omitempty"`
	IntoType  Type `json:"into_type,omitempty"`

	Inputs   []PortType `json:"inputs,omitempty"` // the wired ones; "any" where edges of several types meet
	Outputs  []PortType `json:"outputs,omitempty"`
	In       []EdgeID   `json:"in,omitempty"`  // in the order of their lanes
	Out      []EdgeID   `json:"out,omitempty"` // in plan order
	Lanes    []Lane     `json:"lanes"`
	Parallel int        `json:"parallel"`
	OnError  OnError    `json:"on_error"`
	Retry    Retry      `json:"retry"`
	MaxDead  int64      `json:"max_dead"`
	Pool     string     `json:"pool,omitempty"`
	Unread   []string   `json:"unread,omitempty"` // output ports without a reader
	Line     int        `json:"line,omitempty"`   // of the node in its document
	File     string     `json:"file,omitempty"`   // of an included recipe's node: its document, relative to the recipe's folder
}

// PortType is a port of a step with the concrete type of its records.
type PortType struct {
	Name string `json:"name"`
	Type Type   `json:"type"`
}

// Lane is one of the ways by which frames of one source reach a step. A step's
// lanes are the disjoint union of its in-edges' lanes; a source has one.
type Lane struct {
	Source int `json:"source"` // the step that cut the frames
	Port   int `json:"port"`   // the index of the input port they arrive at
	// Room is how many frames more than its window a source may be ahead on this lane,
	// where a gate above drops: most of them are empty.
	Room int `json:"room,omitempty"`
}

// Retry says how often and how fast a record that failed is tried again.
type Retry struct {
	Attempts int           `json:"attempts"`
	Backoff  time.Duration `json:"backoff"` // before the second attempt; doubles, up to a minute
}

// Edge joins an output port of one step to an input port of another.
type Edge struct {
	ID       EdgeID        `json:"id"`
	From     int           `json:"from"`
	FromPort int           `json:"from_port"` // index into the step's Outputs
	To       int           `json:"to"`
	ToPort   int           `json:"to_port"` // index into the step's Inputs
	Type     Type          `json:"type"`
	Subject  string        `json:"subject"`   // with {job} for the job's id
	Stream   int           `json:"stream"`    // index into Plan.Streams
	LaneBase int           `json:"lane_base"` // the reader's lane for the writer's lane 0
	Capacity int           `json:"capacity"`  // frames, as the user set it
	Limit    int           `json:"limit"`     // MaxMsgsPerSubject: what the server holds at most
	Overflow Overflow      `json:"overflow"`
	TTL      time.Duration `json:"ttl,omitempty"`
	InHand   int           `json:"in_hand"` // MaxAckPending of the reader's consumer
}

// Lossy reports whether the edge may lose records: such an edge is read by a gate.
func (e *Edge) Lossy() bool { return e.TTL > 0 || e.Overflow != Block && e.Overflow != "" }

// Stream is a JetStream stream that holds edges of equal settings.
type Stream struct {
	Name  string        `json:"name"`  // with {job} for the job's id
	Limit int           `json:"limit"` // MaxMsgsPerSubject
	TTL   time.Duration `json:"ttl,omitempty"`
	Edges []EdgeID      `json:"edges"`
}

// Index returns the edge's index in Plan.Edges.
func (id EdgeID) Index() int {
	n := 0
	for _, c := range id[1:] {
		n = n*10 + int(c-'0')
	}
	return n - 1
}

// Edge returns the plan's edge with that id. The id must be of the plan.
func (p *Plan) Edge(id EdgeID) *Edge { return &p.Edges[id.Index()] }
