package recipe

// Document is a recipe as a person wrote it. Names keep the order of the text, and
// every part knows its place. Settings stay [Value]s, because a parameter may stand
// in them; the compiler reads them.
type Document struct {
	File        string
	Recipe      string // its name; "" when it has none
	Description string
	Params      []Param
	Nodes       []Node
	Inputs      []Inlet
	Outputs     []Outlet
	Defaults    Settings
	Tests       []Test
	UI          *Value // the editor's own; nothing else reads it
	Place
}

// Param is a parameter that the recipe declares.
type Param struct {
	Name    string
	Type    Type // string when the document says nothing
	Default *Value
	Doc     string
	Place
}

// Node is one box of a recipe.
type Node struct {
	Name   string
	Kind   string
	KindAt Place
	From   []Wire
	Config *Value // a mapping, or nil
	Params *Value // of an included recipe: a mapping, or nil
	Field  *Value
	Into   *Value
	Settings
	Place
}

// Wire is what leads into one input port.
type Wire struct {
	Port string // "" for the plain form of from, which names no port
	From []Ref
	Place
}

// Ref names an output port, and says what the edge from it is like.
type Ref struct {
	Node string // or Inputs
	Port string // "" for the node's default
	Path string // of the reference in the document
	EdgeSettings
	Place
}

// Inputs is what from names in place of a node to read an open port: inputs.in.
const Inputs = "inputs"

// Inlet is an open input port of a recipe that others include.
type Inlet struct {
	Name string
	Type Type // any when the document says nothing
	Doc  string
	Place
}

// Outlet is an open output port: which of the recipe's outputs come out there.
type Outlet struct {
	Name string
	From []Ref
	Doc  string
	Place
}

// Settings are what a node and the defaults block say about running a node, and,
// in a defaults block, about its edges. Nil is: not said here.
type Settings struct {
	Parallel *Value
	OnError  *Value
	Attempts *Value
	Backoff  *Value
	MaxDead  *Value
	Pool     *Value
	EdgeSettings
}

// EdgeSettings are what can be said of an edge. Nil is: not said here.
type EdgeSettings struct {
	Capacity *Value
	Overflow *Value
	TTL      *Value
}

// Test is one case of the tests block: which records stand for the output of which
// nodes, and what is expected of others.
type Test struct {
	Name   string
	Params *Value
	Given  []TestRecords
	Expect []TestRecords
	Place
}

// TestRecords is the records that a test gives or expects at a node's output.
type TestRecords struct {
	Node    string // "digest", "geo/host", or with a port: "check.else"
	Records []*Value
	Place
}
