package trial_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/trial"
	"sluice/recipe"
)

// thefts are recipes of whose ledgers entries are stolen, and the nodes whose entries.
var thefts = []struct{ name, recipe, nodes string }{
	{"one source", holding, "lines up"},
	{"two sources", `
recipe: holding
nodes:
  lines: {kind: file_reader, config: {path: in}}
  other: {kind: file_reader, config: {path: in}}
  up:    {kind: to_uppercase, from: lines}
  held:  {kind: held, from: [up, other], config: {path: go}}
  out:   {kind: file_writer, from: held, config: {path: out}}
`, "lines other up"},
	{"a lossy edge", `
recipe: holding
nodes:
  lines: {kind: file_reader, config: {path: in}}
  up:    {kind: to_uppercase, from: {node: lines, overflow: drop_oldest, capacity: 200}}
  held:  {kind: held, from: up, config: {path: go}}
  out:   {kind: file_writer, from: held, config: {path: out}}
`, "lines up.in~gate up"},
	{"a fan-out that merges", `
recipe: holding
nodes:
  lines: {kind: file_reader, config: {path: in}}
  up:    {kind: to_uppercase, from: lines}
  hash:  {kind: md5_hash, from: lines}
  held:  {kind: held, from: [up, hash], config: {path: go}}
  out:   {kind: file_writer, from: held, config: {path: out}}
`, "lines up hash"},
}

// stepOf returns the step of a node.
func stepOf(t *testing.T, j *trial.Job, node string) *recipe.Step {
	t.Helper()
	for i := range j.Plan.Steps {
		if j.Plan.Steps[i].Node == node {
			return &j.Plan.Steps[i]
		}
	}
	t.Fatalf("no step %s in\n%s", node, j.Plan.Text())
	return nil
}

// steal deletes an entry of a node, the first for 0 and the last for -1.
func steal(t *testing.T, r *trial.Rig, j *trial.Job, node string, which int) {
	t.Helper()
	var seqs []uint64
	err := r.Conn.Scan(context.Background(), j.Names().Ledger(), j.Names().LedgerStep(int(stepOf(t, j, node).ID)), 0, func(m *bus.Stored) error {
		seqs = append(seqs, m.Seq)
		return nil
	})
	if err != nil || len(seqs) < 8 {
		t.Fatalf("%d entries of %s: %v", len(seqs), node, err)
	}
	seq := seqs[(which+len(seqs))%len(seqs)]
	if which == middle {
		seq = seqs[len(seqs)/2]
	}
	if err := r.Conn.DeleteSeq(context.Background(), j.Names().Ledger(), seq); err != nil {
		t.Fatal(err)
	}
}

// middle is the entry in the middle.
const middle = 1 << 20

// named fails the test unless the job failed and named the edge by which the node's frames
// came, or where the node is a source one by which they went out.
func named(t *testing.T, j *trial.Job, res *trial.Result, node string, adjacent bool) {
	t.Helper()
	t.Logf("%s of %s: %s", node, j.ID, res.Reason)
	s := stepOf(t, j, node)
	edges := s.In
	if len(edges) == 0 || adjacent {
		edges = append(append([]recipe.EdgeID(nil), edges...), s.Out...)
	}
	for _, id := range edges {
		if strings.HasPrefix(res.Reason, fmt.Sprintf("edge %s ", id)) {
			res.Failed("does not balance", "taken out of")
			return
		}
	}
	t.Errorf("got %s (%q), want a failure that names %v", res.State, res.Reason, edges)
}

// TestStolenAtRest deletes an entry of the ledger while the job is stopped: the resumed job
// fails and names the edge, whether the fold had counted it or not, and also where it was the
// newest, of which nothing has been published yet.
func TestStolenAtRest(t *testing.T) {
	t.Parallel()
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		for _, x := range thefts {
			for _, node := range strings.Fields(x.nodes) {
				for _, which := range []int{0, middle, -8, -1} {
					r.Clear()
					r.File("in", lines(2000, "%d"))
					j := r.Job(t, x.recipe, trial.Frames(10))
					stopped(t, r, j, node)
					steal(t, r, j, node, which)
					r.File("go", "")
					t.Logf("%s, entry %d:", x.name, which)
					named(t, j, j.Run(), node, false)
				}
			}
		}
	})
}

// TestStolenBehindTheCount deletes entries that the fold has counted while the job waits
// for a node that is stuck.
func TestStolenBehindTheCount(t *testing.T) {
	t.Parallel()
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		for _, x := range thefts {
			for _, node := range strings.Fields(x.nodes) {
				r.Clear()
				r.File("in", lines(2000, "%d"))
				j := r.Job(t, x.recipe, trial.Frames(10))
				var once sync.Once
				seen := make(chan struct{})
				j.Show = busy(node, func() { once.Do(func() { close(seen) }) })
				done := j.Start(nil)
				bustest.Wait(t, "progress", seen)
				steal(t, r, j, node, middle)
				named(t, j, bustest.Wait(t, "the end", done), node, false)
			}
		}
	})
}

// TestStolenOnArrival deletes an entry as soon as it is stored, while everything flows:
// most times the coordinator has not read it yet, and it is never counted.
func TestStolenOnArrival(t *testing.T) {
	t.Parallel()
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		r.File("go", "")
		r.File("in", lines(20_000, "%d"))
		for _, x := range thefts {
			for _, node := range append(strings.Fields(x.nodes), "out") {
				j := r.Job(t, x.recipe, trial.Frames(10))
				done := j.Start(nil)
				stop := snatch(t, r, j, node)
				res := bustest.Wait(t, "the end", done)
				stop()
				named(t, j, res, node, true)
			}
		}
	})
}

// snatch deletes every fiftieth entry of a node on arrival, until stop is called: a purge
// may be faster.
func snatch(t *testing.T, r *trial.Rig, j *trial.Job, node string) (stop func()) {
	t.Helper()
	ctx, ledger := bustest.Context(t), j.Names().Ledger()
	bustest.Eventually(t, "there is a ledger", func() bool {
		_, err := r.Conn.StreamState(ctx, ledger)
		return err == nil
	})
	n := 0
	stop, err := r.Conn.Tail(ctx, ledger, j.Names().LedgerStep(int(stepOf(t, j, node).ID)), 0, func(m *bus.Stored) {
		if n++; n%50 == 0 {
			_ = r.Conn.DeleteSeq(ctx, ledger, m.Seq) // at the end there is no ledger any more
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return stop
}
