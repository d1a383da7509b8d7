package compile_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/coordinator/compile"
	"sluice/recipe"
)

// tree returns a recipe of n nodes: a source and what hangs below it, ten to a node.
func tree(n int) []byte {
	var b bytes.Buffer
	b.WriteString("params:\n  n: {type: int, default: 3}\nnodes:\n  n0: {kind: integer_generator}\n")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, "  n%d: {kind: rolling_sum, from: {node: n%d, capacity: 64}, config: {values_to_keep: \"${n}\"}}\n", i, (i-1)/10)
	}
	return b.Bytes()
}

// TestManyNodes: a graph at the bound compiles in seconds, one above is refused.
func TestManyNodes(t *testing.T) {
	const seconds = 20 // a quadratic phase takes minutes
	start := time.Now()
	plan, ds := compile.Compile("big.yaml", tree(recipe.MaxNodes), compile.Options{Catalogue: catalogue(t)})
	if ds != nil {
		t.Fatalf("got %v, want a plan", ds[0])
	}
	if len(plan.Steps) != recipe.MaxNodes || len(plan.Edges) != recipe.MaxNodes-1 {
		t.Errorf("got %d steps and %d edges, want %d and %d", len(plan.Steps), len(plan.Edges), recipe.MaxNodes, recipe.MaxNodes-1)
	}
	if plan, ds = compile.Compile("big.yaml", tree(recipe.MaxNodes+1), compile.Options{Catalogue: catalogue(t)}); plan != nil || len(ds) != 1 || ds[0].Code != recipe.CodeNodes {
		t.Errorf("got %v, want one %s", ds, recipe.CodeNodes)
	}
	if d := time.Since(start); d > seconds*time.Second {
		t.Errorf("two recipes of %d nodes took %v", recipe.MaxNodes, d)
	}
}

// TestManyFaults: a recipe that is wrong everywhere costs no more than a good one.
func TestManyFaults(t *testing.T) {
	var b strings.Builder
	b.WriteString("nodes:\n")
	for i := range recipe.MaxNodes - 1 {
		fmt.Fprintf(&b, "  node_number_%d: {kind: md5_hsh, from: node_numbr_%d, config: {a: b}}\n", i, i)
	}
	_, ds := compile.Compile("bad.yaml", []byte(b.String()), compile.Options{Catalogue: catalogue(t)})
	if len(ds) < recipe.MaxNodes-1 {
		t.Errorf("got %d diagnostics, want one of each node at least", len(ds))
	}
}

// TestChain: a long chain is no deep recursion.
func TestChain(t *testing.T) {
	var b strings.Builder
	b.WriteString("nodes:\n  n0: {kind: string_generator}\n")
	for i := 1; i < recipe.MaxNodes; i++ {
		fmt.Fprintf(&b, "  n%d: {kind: md5_hash, from: n%d}\n", i, i-1)
	}
	if _, ds := compile.Compile("chain.yaml", []byte(b.String()), compile.Options{Catalogue: catalogue(t)}); ds != nil {
		t.Fatal(ds[0])
	}
	closed := strings.Replace(b.String(), "n0: {kind: string_generator}", "n0: {kind: md5_hash, from: n9999}", 1)
	_, ds := compile.Compile("chain.yaml", []byte(closed), compile.Options{Catalogue: catalogue(t)})
	if len(ds) == 0 || !strings.Contains(ds.Error(), string(recipe.CodeCycle)) {
		t.Errorf("got %v, want %s", ds, recipe.CodeCycle)
	}
}

// TestParameterBomb: what references stand for is bounded.
func TestParameterBomb(t *testing.T) {
	big := strings.Repeat("x", 1<<20)
	text := "params:\n  p: {default: " + big + "}\nnodes:\n"
	for i := range 100 {
		text += fmt.Sprintf("  n%d: {kind: file_reader, config: {path: 'a${p}'}}\n", i)
	}
	_, ds := compile.Compile("bomb.yaml", []byte(text), compile.Options{Catalogue: catalogue(t)})
	if len(ds) == 0 || ds[0].Code != recipe.CodeTooLarge {
		t.Errorf("got %d diagnostics, want %s", len(ds), recipe.CodeTooLarge)
	}
}

// TestChainOfParts: what leads into open ports is found once, however long the way
// through them and however many read it.
func TestChainOfParts(t *testing.T) {
	const parts, seconds = 4_990, 20 // without memory it takes minutes
	part := []byte("inputs: {in: {}}\noutputs: {out: {from: inputs.in}}\nnodes: {show: {kind: printer, from: inputs.in}}\n")
	var b strings.Builder
	b.WriteString("nodes:\n  p0: {kind: string_generator}\n")
	for i := 1; i <= parts; i++ {
		fmt.Fprintf(&b, "  p%d: {kind: 'recipe:./part.yaml', from: p%d}\n", i, i-1)
	}
	start := time.Now()
	plan, ds := compile.Compile("chain.yaml", []byte(b.String()), compile.Options{
		Catalogue: catalogue(t),
		Load:      func(string, string) (string, []byte, error) { return "part.yaml", part, nil },
	})
	if ds != nil {
		t.Fatal(ds[0])
	}
	if len(plan.Edges) != parts {
		t.Errorf("got %d edges, want %d", len(plan.Edges), parts)
	}
	if d := time.Since(start); d > seconds*time.Second {
		t.Errorf("a chain of %d parts took %v", parts, d)
	}
	t.Logf("a chain of %d parts took %v", parts, time.Since(start))
}
