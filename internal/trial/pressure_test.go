package trial_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/coordinator/compile"
	"sluice/internal/bus/bustest"
	"sluice/internal/figures"
	"sluice/internal/protocol"
	"sluice/internal/trial"
	"sluice/recipe"
)

// gauge samples what a job stores and holds while it runs.
type gauge struct {
	mu  sync.Mutex
	all []sample
	out []mark // of the node that is watched
}

// sample is a look: frames stored on all edges, and bytes of this process's heap and of
// the resident memory of all processes.
type sample struct {
	at                     time.Time
	frames, heap, resident uint64
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
		s := sample{at: time.Now(), resident: r.Resident()}
		for i := range j.Plan.Streams {
			if st, err := r.Conn.StreamState(ctx, j.Names().Fill(j.Plan.Streams[i].Name)); err == nil {
				s.frames += st.Msgs
			}
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		s.heap = m.HeapAlloc
		g.mu.Lock()
		g.all = append(g.all, s)
		g.mu.Unlock()
	}
}

func (g *gauge) show(node string) func(recipe.Progress) {
	return func(p recipe.Progress) {
		g.mu.Lock()
		g.out = append(g.out, mark{time.Now(), outOf(p, node)})
		g.mu.Unlock()
	}
}

// count returns how many records the watched node had emitted at a time, by the last news
// before it.
func (g *gauge) count(at time.Time) (n int64) {
	for _, m := range g.out {
		if !m.at.After(at) {
			n = max(n, m.n)
		}
	}
	return n
}

// rates returns the lowest and the highest rate over windows of a length, one behind the
// other by half of it, from a time to another.
func (g *gauge) rates(length time.Duration, from, to time.Time) (low, high float64) {
	for at := from; !at.Add(length).After(to); at = at.Add(length / 2) {
		rate := float64(g.count(at.Add(length))-g.count(at)) / length.Seconds()
		if high = max(high, rate); low == 0 || rate < low {
			low = rate
		}
	}
	return low, high
}

// peaks returns the most of each measure between two times.
func (g *gauge) peaks(from, to time.Time) (most sample) {
	for _, s := range g.all {
		if s.at.After(from) && !s.at.After(to) {
			most.frames, most.heap, most.resident = max(most.frames, s.frames), max(most.heap, s.heap), max(most.resident, s.resident)
		}
	}
	return most
}

const pressure = `
recipe: pressure
nodes:
  lines: {kind: file_reader, config: {path: in}}
  pace:  {kind: throttle, from: lines, config: {rate: 20000}}
  text:  {kind: to_uppercase, from: pace}
  slow:  {kind: throttle, from: text, config: {rate: 200, for: %s}}
  out:   {kind: file_writer, from: slow, config: {path: out}}
`

// What the test below asks for.
const (
	freeRate = 20_000 // records a second, of the source
	slowRate = 200    // of the sink
	burst    = 1500 * time.Millisecond
	back     = 5 * time.Second // from the release until the source has its rate again
)

// TestB1B2BackPressure is rows B1 and B2: it has a source a hundred times faster than its sink, until the sink is
// free: nothing lost, what is stored and held stays bounded and flat, and the source is
// soon back at its own rate.
func TestB1B2BackPressure(t *testing.T) {
	clocked(t)
	slow := 4 * time.Second
	if *long {
		slow = 2 * time.Minute
	}
	n := 16_384 + slowRate*int(slow/time.Second) + freeRate*9/2 // the window, what is read while held, and then for 4.5 s
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		r.File("in", lines(n, "LINE %d"))
		chances(t, 3, func() error {
			debug.FreeOSMemory() // what tests before this one have left
			j := r.Job(t, fmt.Sprintf(pressure, slow))
			j.Within = slow + time.Minute
			var g gauge
			j.Show = g.show("pace")
			ctx, cancel := context.WithCancel(context.Background())
			var watching sync.WaitGroup
			watching.Go(func() { g.watch(ctx, r, j) })
			begin := time.Now()
			j.Run().Succeeded()
			cancel()
			watching.Wait()
			if r.Read(t, "out") != r.Read(t, "in") {
				t.Errorf("got %d records, want %d, each as it was and in order", len(r.Lines(t, "out")), n)
			}
			return g.judge(t, j, begin, slow)
		})
	})
}

// TestBytesInFlight lets an ordered step wait for one lane while large values come on the
// other: the source stops when the step holds as many bytes as it may, long before the window
// of frames is used up, and goes on when the lane moves.
func TestBytesInFlight(t *testing.T) {
	const count, size, most = 100, 520 << 10, 8 << 20 // small figures: with the usual 64 MiB it is the same
	if testing.Short() {
		t.Skip("half a gigabyte goes through the broker: minutes under the race detector")
	}
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

// judge holds a run to its bounds. What is an error depends on the clock, the rest is a
// fault of the test.
func (g *gauge) judge(t *testing.T, j *trial.Job, begin time.Time, slow time.Duration) error {
	t.Helper()
	bound := uint64(0)
	for _, e := range j.Plan.Edges {
		bound += uint64(e.Limit)
	}
	held, free := begin.Add(burst), begin.Add(slow)
	middle := held.Add(free.Sub(held) / 2)
	window := max(time.Second, slow/12)
	_, most := g.rates(window, held, free)
	_, rate := g.rates(time.Second, free, free.Add(back))
	all, first, second := g.peaks(begin, begin.Add(time.Hour)), g.peaks(held, middle), g.peaks(middle, free)
	figures.Note(t, "source at %d/s, sink at %d/s for %v: stored frames peak %d (bound %d; halves %d and %d), heap peak %d MiB (bound 300; halves %d and %d), resident peak %d MiB; source at most %.0f/s while held, %.0f/s within %v of the release",
		freeRate, slowRate, slow, all.frames, bound, first.frames, second.frames, all.heap>>20, first.heap>>20, second.heap>>20, all.resident>>20, most, rate, back)
	if all.frames > bound {
		t.Errorf("got %d frames stored, bound %d", all.frames, bound)
	}
	if all.heap > 300<<20 {
		t.Errorf("got a heap of %d MiB, bound 300", all.heap>>20)
	}
	var late []error
	flat := func(what string, first, second, slack uint64) {
		if second > first*6/5+slack {
			late = append(late, fmt.Errorf("%s are not flat: at most %d in the first half, %d in the second", what, first, second))
		}
	}
	flat("stored frames", first.frames, second.frames, 2)
	flat("bytes of heap", first.heap, second.heap, 4<<20)
	// A frame of 256 records and news of it come at once, so a window may have two too many.
	if limit := slowRate + 2*recipe.FrameRecords/window.Seconds(); most > limit {
		late = append(late, fmt.Errorf("the source ran at %.0f records a second while its sink was slow, want at most %.0f", most, limit))
	}
	if rate < 0.95*freeRate {
		late = append(late, fmt.Errorf("got %.0f records a second from the source behind the release, want 95 %% of %d", rate, freeRate))
	}
	return errors.Join(late...)
}
