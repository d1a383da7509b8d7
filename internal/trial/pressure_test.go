package trial_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/coordinator/compile"
	"sluice/internal/bus/bustest"
	"sluice/internal/protocol"
	"sluice/internal/trial"
	"sluice/recipe"
)

// gauge samples what a job stores and holds while it runs.
type gauge struct {
	mu     sync.Mutex
	frames []uint64 // stored on all edges
	heap   []uint64
	out    []mark // of the node that is watched
}

type mark struct {
	at time.Time
	n  int64
}

func (g *gauge) watch(ctx context.Context, r *trial.Rig, j *trial.Job) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var frames uint64
		for i := range j.Plan.Streams {
			if st, err := r.Conn.StreamState(ctx, j.Names().Fill(j.Plan.Streams[i].Name)); err == nil {
				frames += st.Msgs
			}
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		g.mu.Lock()
		g.frames, g.heap = append(g.frames, frames), append(g.heap, m.HeapAlloc)
		g.mu.Unlock()
	}
}

func (g *gauge) show(node string) func(recipe.Progress) {
	return func(p recipe.Progress) {
		for _, s := range p.Steps {
			if s.Node == node {
				g.mu.Lock()
				g.out = append(g.out, mark{time.Now(), s.Out})
				g.mu.Unlock()
			}
		}
	}
}

// rate is the best rate of any stretch of the given length that ends between from and to.
func (g *gauge) rate(length time.Duration, from, to time.Time) float64 {
	best := 0.0
	for i, a := range g.out {
		for _, b := range g.out[i:] {
			if d := b.at.Sub(a.at); d >= length && !b.at.Before(from) && !b.at.After(to) {
				best = max(best, float64(b.n-a.n)/d.Seconds())
			}
		}
	}
	return best
}

func peak(v []uint64) (most uint64) {
	for _, x := range v {
		most = max(most, x)
	}
	return most
}

// TestBackPressure is rows B1 and B2: a source a hundred times faster than its sink,
// until the sink is free: nothing lost, what is stored and held stays bounded, and the
// source is soon back at its own rate.
func TestBackPressure(t *testing.T) {
	slow, back, n := 3*time.Second, 4*time.Second, 110_000
	if *long {
		slow, back, n = 2*time.Minute, 5*time.Second, 200_000
	}
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		j := r.Job(t, fmt.Sprintf(`
recipe: pressure
nodes:
  n:    {kind: integer_generator, config: {count: %d, seed: 3}}
  pace: {kind: throttle, from: n, config: {rate: 20000}}
  text: {kind: to_string, from: pace}
  slow: {kind: throttle, from: text, config: {rate: 200, for: %s}}
  out:  {kind: file_writer, from: slow, config: {path: out}}
`, n, slow))
		j.Within = slow + time.Minute
		var g gauge
		j.Show = g.show("pace")
		ctx, cancel := context.WithCancel(context.Background())
		var watching sync.WaitGroup
		watching.Go(func() { g.watch(ctx, r, j) })
		begin := time.Now()
		j.Run().Succeeded()
		took := time.Since(begin)
		cancel()
		watching.Wait()
		if got := len(r.Lines(t, "out")); got != n {
			t.Errorf("got %d records, want %d", got, n)
		}
		bound := uint64(0)
		for _, e := range j.Plan.Edges {
			bound += uint64(e.Limit)
		}
		free := begin.Add(slow)
		held := g.rate(slow/3, begin.Add(slow*2/3), free)
		rate := g.rate(time.Second, free, free.Add(back))
		t.Logf("%v; stored frames: bound %d, peak %d; heap: peak %d MiB; source while held %.0f/s, within %v of the release %.0f/s",
			took.Round(time.Millisecond), bound, peak(g.frames), peak(g.heap)>>20, held, back, rate)
		if peak(g.frames) > bound {
			t.Errorf("got %d frames stored, bound %d", peak(g.frames), bound)
		}
		if p := peak(g.heap); p > 300<<20 {
			t.Errorf("got a heap of %d MiB, bound 300", p>>20)
		}
		if held > 10_000 {
			t.Errorf("the source ran at %.0f records a second while its sink was slow", held)
		}
		if rate < 0.95*20_000 {
			t.Errorf("got %.0f records a second from the source behind the release, want 95 %% of 20,000", rate)
		}
	})
}

// TestBytesInFlight lets an ordered step wait for one lane while large values come on the
// other: the source stops when the step holds as many bytes as it may, long before the window
// of frames is used up, and goes on when the lane moves.
func TestBytesInFlight(t *testing.T) {
	const count, size, most = 100, 520 << 10, 8 << 20 // small figures: with the usual 64 MiB it is the same
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		var b strings.Builder
		for i := range count {
			b.WriteString(strings.Repeat(string(rune('A'+i%50)), size) + "\n")
		}
		r.File("in", b.String())
		j := r.Job(t, `
recipe: bytes
nodes:
  lines: {kind: file_reader, config: {path: in}}
  held:  {kind: held, from: lines, config: {path: go}}
  both:  {kind: throttle, from: [lines, held], config: {rate: 1000000}}
  sum:   {kind: md5_hash, from: both}
  out:   {kind: file_writer, from: sum, config: {path: out}}
`, func(o *compile.Options) { o.Window.Frames, o.Window.Bytes = count, most })
		told := make(chan int64, 1000) // what the step holds, five times a second
		both := 0
		for both < len(j.Plan.Steps) && j.Plan.Steps[both].Node != "both" {
			both++
		}
		stop, err := r.Conn.Subscribe(j.Names().Place(both), func(_ string, data []byte) {
			if p, ok := protocol.DecodePlace(data); ok {
				told <- p.Held
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		done := j.Start(nil)
		begin := time.Now()
		for tight := 0; tight < 10; {
			if bustest.Wait(t, "the step to tell what it holds", told) > most {
				tight++
			} else if time.Since(begin) > bustest.Timeout {
				t.Fatal("the step never told that it holds too much")
			}
		}
		cut := 0
		for _, name := range values(t, r, j) {
			if strings.HasPrefix(name, "s0-") {
				cut++
			}
		}
		if cut > 80 {
			t.Errorf("the source has cut %d frames of %d while %d bytes may be held early", cut, count, most)
		}
		t.Logf("tight after %v with %d frames cut", time.Since(begin), cut)
		r.File("go", "")
		(<-done).Succeeded()
		t.Logf("the end after %v", time.Since(begin))
		if got := len(r.Lines(t, "out")); got != 2*count {
			t.Errorf("got %d lines, want %d", got, 2*count)
		}
	})
}
