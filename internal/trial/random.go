package trial

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Graph is a random recipe together with what it must make: an evaluation in memory that
// shares nothing with the engine.
type Graph struct {
	Recipe string
	Files  map[string]string
	Outs   map[string][]string // by file of a sink: its lines
	Merged map[string]bool     // sinks below a merge: the order of their lines is not told
}

type grown struct {
	*Graph
	dir   string
	rng   *rand.Rand
	text  strings.Builder
	ports []outlet
	n     int
}

// outlet is a node whose output can be read, with what it must emit.
type outlet struct {
	name   string
	lines  []string
	merged bool
}

// Random grows a graph, whose files lie in a folder of its own: sources, maps, filters, delays, bursts, fan-outs, merges and zips
// of branches of unequal speed, on edges of capacity 1 to 4.
func Random(seed uint64) *Graph {
	g := &grown{Graph: &Graph{Files: map[string]string{}, Outs: map[string][]string{}, Merged: map[string]bool{}}, dir: fmt.Sprintf("s%d/", seed), rng: rand.New(rand.NewPCG(seed, 1))}
	fmt.Fprintf(&g.text, "recipe: random%d\ndefaults: {capacity: %d}\nnodes:\n", seed, 1+g.rng.IntN(4))
	for range 1 + g.rng.IntN(2) {
		g.source()
	}
	for range 3 + g.rng.IntN(6) {
		switch g.rng.IntN(9) {
		case 0, 1:
			g.jitter(g.pick())
		case 2:
			g.each("to_uppercase", "", strings.ToUpper)
		case 3:
			g.filter()
		case 4:
			g.merge()
		case 5, 6:
			g.zip()
		default:
			g.burst(g.pick(), g.rng.IntN(4))
		}
	}
	if g.rng.IntN(3) == 0 { // one record becomes a thousand
		g.explode()
	}
	for i, p := range g.ports {
		if i == len(g.ports)-1 || g.rng.IntN(2) == 0 {
			g.sink(p)
		}
	}
	g.Recipe = g.text.String()
	return g.Graph
}

func (g *grown) add(kind, from, config string, p outlet) outlet {
	g.n++
	p.name = fmt.Sprintf("%s%d", kind[:2], g.n)
	if from != "" {
		from = ", from: " + from
	}
	fmt.Fprintf(&g.text, "  %s: {kind: %s%s, config: {%s}}\n", p.name, kind, from, config)
	g.ports = append(g.ports, p)
	return p
}

func (g *grown) pick() outlet { return g.ports[g.rng.IntN(len(g.ports))] }

func (g *grown) source() {
	name := fmt.Sprintf("in%d", g.n)
	var p outlet
	for i := range g.rng.IntN(60) {
		p.lines = append(p.lines, fmt.Sprintf("%s line %d", name, i))
	}
	g.Files[g.dir+name] = text(p.lines)
	g.add("file_reader", "", "path: "+g.dir+name, p)
}

func text(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

func (g *grown) jitter(from outlet) outlet {
	return g.add("jitter", from.name, fmt.Sprintf("most: %dms, every: %d", 1+g.rng.IntN(8), 2+g.rng.IntN(8)), from)
}

func (g *grown) each(kind, config string, f func(string) string) {
	from := g.pick()
	p := outlet{merged: from.merged}
	for _, l := range from.lines {
		p.lines = append(p.lines, f(l))
	}
	g.add(kind, from.name, config, p)
}

func (g *grown) filter() {
	from := g.pick()
	p := outlet{merged: from.merged}
	for _, l := range from.lines {
		if strings.HasSuffix(l, "1") || strings.HasSuffix(l, "3") {
			p.lines = append(p.lines, l)
		}
	}
	g.add("regex_match", from.name, "regex: '(?s).*[13]'", p)
}

func (g *grown) burst(from outlet, count int) outlet {
	p := outlet{merged: from.merged}
	for _, l := range from.lines {
		for i := range count {
			p.lines = append(p.lines, fmt.Sprintf("%s.%d", l, i))
		}
	}
	if len(p.lines) > 2_500 {
		return from
	}
	return g.add("burst", from.name, fmt.Sprintf("count: %d", count), p)
}

func (g *grown) explode() {
	name := g.dir + "few"
	g.Files[name] = "a\nb\n"
	few := g.add("file_reader", "", "path: "+name, outlet{lines: []string{"a", "b"}})
	g.jitter(g.burst(few, 1000))
}

func (g *grown) merge() {
	a, b := g.pick(), g.pick()
	if a.name == b.name || len(a.lines)+len(b.lines) > 2_500 {
		return
	}
	p := outlet{merged: true, lines: append(append([]string(nil), a.lines...), b.lines...)}
	g.add("to_string", "["+a.name+", "+b.name+"]", "", p)
}

// zip joins two branches of one node, one of them slow.
func (g *grown) zip() {
	from := g.pick()
	if from.merged { // which records meet depends on the frames
		return
	}
	count := 1 + g.rng.IntN(3)
	a, b := g.jitter(g.burst(from, count)), g.burst(from, count)
	if len(a.lines) != len(b.lines) {
		return
	}
	var p outlet
	for i := range a.lines {
		v, _ := json.Marshal([]string{a.lines[i], b.lines[i]})
		p.lines = append(p.lines, string(v))
	}
	z := g.add("zip", fmt.Sprintf("{left: %s, right: %s}", a.name, b.name), "", p)
	g.ports = g.ports[:len(g.ports)-1]
	g.add("to_string", z.name, "", p)
}

func (g *grown) sink(p outlet) {
	g.n++
	name := fmt.Sprintf("out%d", g.n)
	path := g.dir + name
	fmt.Fprintf(&g.text, "  %s: {kind: file_writer, from: %s, config: {path: %s}}\n", name, p.name, path)
	g.Outs[path], g.Merged[path] = p.lines, p.merged
}
