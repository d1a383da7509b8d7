package recipe

import (
	"testing"
	"time"
)

// drawn has one of each that is drawn in its own way: a source, a lossy edge with its gate,
// a step of a recipe in a recipe in a recipe, a sink.
func drawn() *Plan {
	port := func(name string) []PortType { return []PortType{{Name: name, Type: List(String)}} }
	step := func(id int, node, kind string, role Role, in, out string) Step {
		return Step{ID: id, Node: node, Kind: kind, Role: role, Inputs: port(in), Outputs: port(out)}
	}
	p := &Plan{Recipe: "demo", Steps: []Step{
		step(0, "lines", "file_reader", RoleSource, "", "out"),
		step(1, "geo/look.in~gate", "gate", RoleGate, "in", "out"),
		step(2, "geo/look", "if", RoleRelay, "in", "else"),
		step(3, "geo/deep/once", "dedupe", RoleOrdered, "value", "out"),
		step(4, "out", "file_writer", RoleOrdered, "in", ""),
	}}
	p.Steps[4].Sink = true
	for i, id := range []EdgeID{"e1", "e2", "e3", "e4"} {
		p.Edges = append(p.Edges, Edge{ID: id, From: i, To: i + 1, Type: List(String), Overflow: Block})
	}
	p.Edges[0].Overflow, p.Edges[0].TTL = DropOldest, time.Minute
	return p
}

func TestMermaid(t *testing.T) {
	want := `flowchart LR
  s0(["lines<br/>file_reader"])
  s4[("out<br/>file_writer")]
  subgraph r_geo["geo"]
    s1{{"look.in~gate<br/>gate"}}
    s2["look<br/>if"]
    subgraph r_geo__deep["deep"]
      s3[["once<br/>dedupe"]]
    end
  end
  s0 -.->|"e1 list&lt;string&gt;, drop_oldest, ttl 1m0s"| s1
  s1 -->|"e2 list&lt;string&gt;"| s2
  s2 -->|"else: e3 list&lt;string&gt; → value"| s3
  s3 -->|"e4 list&lt;string&gt;"| s4
`
	if got := drawn().Mermaid(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestDOT(t *testing.T) {
	want := `digraph "demo" {
  rankdir=LR;
  s0 [shape=oval, label="lines\nfile_reader"];
  s4 [shape=cylinder, label="out\nfile_writer"];
  subgraph cluster_geo {
    label="geo";
    s1 [shape=hexagon, label="look.in~gate\ngate"];
    s2 [shape=box, label="look\nif"];
    subgraph cluster_geo__deep {
      label="deep";
      s3 [shape=box3d, label="once\ndedupe"];
    }
  }
  s0 -> s1 [label="e1 list<string>, drop_oldest, ttl 1m0s", style=dashed];
  s1 -> s2 [label="e2 list<string>"];
  s2 -> s3 [label="else: e3 list<string> → value"];
  s3 -> s4 [label="e4 list<string>"];
}
`
	if got := drawn().DOT(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
