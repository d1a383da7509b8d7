package draw

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sluice/recipe"
)

var update = flag.Bool("update", false, "write the golden files anew")

// plan has one of each that is drawn: a source, a relay with two outputs of which one is
// unread, a lossy edge with its gate, an included recipe, an ordered step, a sink.
func plan() *recipe.Plan {
	str := func(names ...string) []recipe.PortType {
		var ports []recipe.PortType
		for _, n := range names {
			ports = append(ports, recipe.PortType{Name: n, Type: recipe.String})
		}
		return ports
	}
	step := func(id int, node, kind string, role recipe.Role, in, out []recipe.EdgeID) recipe.Step {
		s := recipe.Step{ID: id, Node: node, Kind: kind, Role: role, In: in, Out: out, Config: json.RawMessage(`{}`),
			Parallel: 4, OnError: recipe.DeadLetter, Retry: recipe.Retry{Attempts: 3, Backoff: 100 * time.Millisecond},
			MaxDead: 100_000, Lanes: []recipe.Lane{{}}}
		if len(in) > 0 {
			s.Inputs = str("in")
		}
		s.Outputs = str("out", "else")
		return s
	}
	p := &recipe.Plan{Recipe: "demo", Description: "Says \"hello\"", Frame: recipe.FrameLimits{Records: 256, Bytes: 32 << 10},
		Window: recipe.Window{Splits: 4, Frames: 64},
		Steps: []recipe.Step{
			step(0, "lines", "file_reader", recipe.RoleSource, nil, []recipe.EdgeID{"e1"}),
			step(1, "pass", "if", recipe.RoleRelay, []recipe.EdgeID{"e1"}, []recipe.EdgeID{"e2"}),
			step(2, "geo/host.in~gate", "gate", recipe.RoleGate, []recipe.EdgeID{"e2"}, []recipe.EdgeID{"e3"}),
			step(3, "geo/host", "dedupe", recipe.RoleOrdered, []recipe.EdgeID{"e3"}, []recipe.EdgeID{"e4"}),
			step(4, "out", "file_writer", recipe.RoleOrdered, []recipe.EdgeID{"e4"}, nil),
		}}
	p.Steps[1].Unread = []string{"out"}
	p.Steps[1].Lanes = make([]recipe.Lane, 2)
	p.Steps[3].Field, p.Steps[3].Into, p.Steps[3].Pool = "url", "host", "eu"
	p.Steps[4].Sink = true
	for i := range 4 {
		p.Edges = append(p.Edges, recipe.Edge{ID: recipe.EdgeID("e" + string(rune('1'+i))), From: i, To: i + 1, Type: recipe.String,
			Subject: "sluice.{job}.e" + string(rune('1'+i)), Capacity: 256, Limit: 256, Overflow: recipe.Block, InHand: 64})
	}
	p.Edges[1].FromPort, p.Edges[1].Overflow, p.Edges[1].TTL, p.Edges[1].Limit = 1, recipe.DropOldest, time.Minute, 512
	p.Streams = []recipe.Stream{
		{Name: "SLUICE_{job}_0", Limit: 256, Edges: []recipe.EdgeID{"e1", "e3", "e4"}},
		{Name: "SLUICE_{job}_1", Limit: 512, TTL: time.Minute, Edges: []recipe.EdgeID{"e2"}},
	}
	return p
}

func TestGolden(t *testing.T) {
	for name, draw := range map[string]func(io.Writer, *recipe.Plan) error{"text": Text, "mermaid": Mermaid, "dot": DOT} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := draw(&out, plan()); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if out.String() != string(want) {
				t.Errorf("got\n%swant\n%s(go test -update writes it anew)", out.String(), want)
			}
		})
	}
}
