package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The bounds of what grows.
const (
	mayRecords = 1.2
	mayStore   = 100 << 20 // bytes: a window of frames on every edge, and the server's blocks
	mayEdges   = 1.3
)

// chainRecipe has so many edges between file_reader and file_writer, and nodes between
// them that do next to nothing.
func chainRecipe(in string, edges int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "recipe: chain\nnodes:\n  n0: {kind: file_reader, config: {path: %s}}\n", in)
	for i := 1; i < edges; i++ {
		fmt.Fprintf(&b, "  n%d: {kind: to_string, from: n%d}\n", i, i-1)
	}
	fmt.Fprintf(&b, "  n%d: {kind: file_writer, from: n%d, config: {path: chain.out}}\n", edges, edges-1)
	return b.String()
}

// repeat runs each recipe so many times, in rounds, so that a busy moment hits all alike.
func (b *bench) repeat(times []int, recipe func(i int) (string, string)) ([]runs, error) {
	all := make([]runs, len(times))
	for round := 0; ; round++ {
		any := false
		for i := range times {
			if round >= times[i] {
				continue
			}
			any = true
			text, profile := recipe(i)
			u, err := b.job(text, profile)
			if err != nil {
				return nil, err
			}
			all[i] = append(all[i], u)
		}
		if !any {
			return all, nil
		}
	}
}

// records measures the reference recipe with more and more records.
func (b *bench) records() (*section, error) {
	n := pick(b, []int{0, 10_000, 100_000, 1_000_000, 10_000_000}, []int{0, 10_000, 100_000})
	times := pick(b, []int{21, 21, 9, 3, 1}, []int{5, 5, 3})
	in := make([]string, len(n))
	for i := range n {
		var err error
		if in[i], _, err = b.logFile(n[i]); err != nil {
			return nil, err
		}
	}
	all, err := b.repeat(times, func(i int) (string, string) { return referenceRecipe(in[i]), "" })
	if err != nil {
		return nil, err
	}
	s := &section{title: "Number of records", prose: "The reference recipe. The first row is an empty file: what a start and an end cost. The marginal\n" +
		"cost is what is above it, for each record. Memory and store are bounded, whatever the input."}
	s.row("records", "CPU s", "marginal µs a record", "peak memory", "peak store")
	start := all[0].cpu()
	var marginal []float64
	var memory, store int64
	for i, r := range all {
		memory, store = max(memory, r.rss()), max(store, r.disk())
		cell := ""
		if n[i] > 0 {
			marginal = append(marginal, (r.cpu()-start)/float64(n[i]))
			cell = f2(marginal[len(marginal)-1])
		}
		s.row(count(n[i]), f2(r.cpu()/1e6), cell, size(r.rss()), size(r.disk()))
	}
	s.check(memory <= mayRSS, "peak memory %s in any row; at most %s", size(memory), size(mayRSS))
	s.check(store <= mayStore, "peak store %s in any row; at most %s", size(store), size(mayStore))
	last := len(marginal) - 1
	s.check(marginal[last]/marginal[0] <= mayRecords, "marginal cost of %s records over that of %s: %.2f; at most %.1f",
		count(n[last+1]), count(n[1]), marginal[last]/marginal[0], mayRecords)
	return s, b.removeInput(in[len(in)-1])
}

func (b *bench) removeInput(name string) error { return os.Remove(filepath.Join(b.dir, name)) }

// edges measures chains of more and more edges.
func (b *bench) edges() (*section, error) {
	edges := []int{2, 4, 8, 16}
	n := pick(b, 500_000, 50_000)
	empty, _, err := b.logFile(0)
	if err != nil {
		return nil, err
	}
	in, _, err := b.logFile(n)
	if err != nil {
		return nil, err
	}
	rounds := pick(b, 5, 2)
	times := make([]int, 2*len(edges))
	for i := range times {
		times[i] = rounds
	}
	all, err := b.repeat(times, func(i int) (string, string) {
		if i < len(edges) {
			return chainRecipe(empty, edges[i]), ""
		}
		return chainRecipe(in, edges[i-len(edges)]), fmt.Sprintf("edges-%d", edges[i-len(edges)])
	})
	if err != nil {
		return nil, err
	}
	s := &section{title: "Number of edges", prose: fmt.Sprintf("%s lines of the log along a chain: file_reader, nodes that copy (to_string), file_writer. The\n"+
		"cost of an edge is the CPU time above that of an empty input, shared out to records and edges.", count(n))}
	s.row("edges", "CPU s", "of it start-up", "µs a record", "µs a record and edge", "peak memory", "peak store")
	var each []float64
	for i, e := range edges {
		start, r := all[i], all[i+len(edges)]
		each = append(each, (r.cpu()-start.cpu())/float64(n)/float64(e))
		s.row(fmt.Sprint(e), f2(r.cpu()/1e6), f2(start.cpu()/1e6), f2(each[i]*float64(e)), f2(each[i]), size(r.rss()), size(r.disk()))
	}
	s.check(each[3]/each[0] <= mayEdges, "cost of an edge among 16 over that of one among 2: %.2f; at most %.1f", each[3]/each[0], mayEdges)
	return s, nil
}

// sizes measures records from 10 bytes to 10 KB.
func (b *bench) sizes() (*section, error) {
	bytes := []int{10, 100, 1000, 10_000}
	n := pick(b, []int{1_000_000, 1_000_000, 200_000, 20_000}, []int{50_000, 50_000, 10_000, 1_000})
	in := make([]string, len(bytes))
	times := make([]int, len(bytes))
	for i := range bytes {
		var err error
		if in[i], _, err = b.sizedFile(n[i], bytes[i]); err != nil {
			return nil, err
		}
		times[i] = pick(b, 3, 1)
	}
	all, err := b.repeat(times, func(i int) (string, string) { return chainRecipe(in[i], 4), "" })
	if err != nil {
		return nil, err
	}
	s := &section{title: "Size of records", prose: "A chain of four edges. Frames hold 256 records or 32 KiB, whichever comes first."}
	s.row("bytes", "records", "CPU µs a record", "CPU ns a byte", "MB/s of CPU", "peak memory", "peak store")
	for i, r := range all {
		each := r.cpu() / float64(n[i])
		s.row(count(bytes[i]), count(n[i]), f2(each), f2(each*1e3/float64(bytes[i])), fmt.Sprintf("%.0f", float64(bytes[i])/each), size(r.rss()), size(r.disk()))
	}
	return s, nil
}

// workers measures the reference recipe with several workers on one broker.
func (b *bench) workers() (*section, error) {
	n := pick(b, 500_000, 50_000)
	in, _, err := b.logFile(n)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(b.dir, "workers.yaml")
	if err := os.WriteFile(file, []byte(referenceRecipe(in)), 0o644); err != nil {
		return nil, err
	}
	s := &section{title: "Number of workers", prose: fmt.Sprintf("The reference recipe with %s records, and so many worker instances in one process, each with\n"+
		"a connection of its own.", count(n))}
	s.row("workers", "CPU µs a record", "wall s", "peak memory")
	workers := []int{1, 2, 4}
	all := make([]runs, len(workers))
	for range pick(b, 3, 1) {
		for i, k := range workers {
			store, err := os.MkdirTemp(b.dir, "store-")
			if err != nil {
				return nil, err
			}
			u, err := b.child(task{Do: doJob, Recipe: file, Dir: b.dir, Store: store, Workers: k}, nil)
			os.RemoveAll(store)
			if err != nil {
				return nil, err
			}
			all[i] = append(all[i], u)
		}
	}
	for i, r := range all {
		s.row(fmt.Sprint(workers[i]), f2(r.cpu()/float64(n)), f2(r.wall()/1e6), size(r.rss()))
	}
	return s, nil
}
