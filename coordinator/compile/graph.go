package compile

import (
	"encoding/json"
	"time"

	"sluice/nodes"
	"sluice/recipe"
)

// unit is one recipe as it is used: the top one, or one inclusion of another.
type unit struct {
	doc    *recipe.Document
	prefix string       // of the names of its nodes: "" or "geo/"
	up     *unit        // the recipe that includes it, nil for the top
	by     *recipe.Node // the node of up that includes it
	depth  int
	params map[string]*param // nil for a parameter whose value is at fault
	nodes  map[string]*node
	units  map[string]*unit
	set    settings // that its nodes inherit
	names  []string // of its nodes, for hints
	named  map[string]bool

	inlets, outlets []*openPort // in the order of the document
}

func (u *unit) file() string { return u.doc.File }

// inner reports whether u is the top recipe's included one.
func (u *unit) inner() bool { return u.up != nil }

// node is a node of the flattened graph.
type node struct {
	index int // in document order
	path  string
	unit  *unit
	doc   *recipe.Node
	kind  *nodes.Kind // nil when it is not known
	in    [][]*edge   // by input port of the kind
	out   []*edge     // in the order in which they were resolved
	set   settings
	field string
	into  string

	config  json.RawMessage // canonical, nil when it is at fault
	types   nodes.PortTypes // of the wired inputs and of the outputs, as the edges carry them
	inner   nodes.PortTypes // the same as the kind sees them: inside a record when field is set
	untyped bool            // types are not known, because of a fault here or above
	unclear bool            // what its ports take is not known, because of a fault of its own
	step    int             // id in the plan
	lanes   int
	given   []given
	expands bool          // the kind, or one above it, makes many records of one
	inlet   *recipe.Inlet // that it stands for, in a recipe with open ports
}

func (n *node) at(what string) string { return "nodes." + n.doc.Name + what }

// given is the source that stands for an output port in a test.
type given struct {
	port int
	node *node
}

// edge is an edge of the flattened graph.
type edge struct {
	from     *node
	fromPort int
	to       *node
	toPort   int
	set      edgeSettings
	passed   *passage // open ports that it passes on its way in
	place    recipe.Place
	file     string
	path     string // of the reference in its document
	typ      recipe.Type
}

// outlet is an output port of a node; port is -1 where a sink stands for what it reads.
type outlet struct {
	node *node
	port int
}

// name is the port as collectors and diagnostics call it.
func (o outlet) name() string {
	if o.port < 0 || o.node.inlet != nil {
		return o.node.path
	}
	return o.node.path + "." + o.node.kind.Out[o.port].Name
}

// typ returns the type of the records that come out, "" when a fault hides it.
func (o outlet) typ() recipe.Type {
	if o.port < len(o.node.types.Out) {
		return o.node.types.Out[o.port].Type
	}
	return ""
}

type settings struct {
	parallel int // 0: the role's default
	onError  recipe.OnError
	retry    recipe.Retry
	maxDead  int64
	pool     string
	edge     edgeSettings
}

type edgeSettings struct {
	capacity int
	overflow recipe.Overflow
	ttl      time.Duration
}

// defaultOut is the output port that a reference without port means.
const defaultOut = "out"
