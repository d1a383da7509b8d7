package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"sluice/nodes"
	"sluice/recipe"
)

const mayLatency = 2 * time.Millisecond

// beatRecipe has three durable edges. Its kinds are those of this file.
const beatRecipe = `recipe: beat
nodes:
  beat:   {kind: beat}
  first:  {kind: hand_on, from: beat}
  second: {kind: hand_on, from: first}
  arrive: {kind: arrive, from: second}
`

// latencyAnswer is what passed between the source's emit and the sink's write, in µs.
type latencyAnswer struct{ Passed []float64 }

// latency runs a job whose records are the moments when they were emitted.
func latency(t *task) (any, error) {
	answer := latencyAnswer{Passed: make([]float64, 0, t.Records)}
	catalogue, err := nodes.NewCatalogue([]nodes.Kind{
		beatKind(t.Records, time.Second/time.Duration(t.Rate)), handOnKind, arriveKind(&answer.Passed),
	})
	if err != nil {
		return nil, err
	}
	stop, err := profiled(t.Profile)
	if err != nil {
		return nil, err
	}
	err = stop(runJob(t, []byte(beatRecipe), catalogue))
	if err == nil && len(answer.Passed) != t.Records {
		err = fmt.Errorf("%d records arrived, want %d", len(answer.Passed), t.Records)
	}
	return answer, err
}

// beatKind emits n records at a steady rate, each the moment of its emission.
func beatKind(n int, every time.Duration) nodes.Kind {
	return nodes.Define(nodes.Spec{
		Kind: "beat", Category: "bench", Summary: "Emits the time, steadily", Role: nodes.Origin,
		Out: []nodes.Port{{Name: "out", Type: recipe.Int}},
	}, func(struct{}, *nodes.Env) (any, error) { return &beat{n, every}, nil })
}

type beat struct {
	n     int
	every time.Duration
}

// Feed implements nodes.Feed.
func (b *beat) Feed(ctx context.Context, skip int64, emit func(nodes.Record) error, _ func(error) error) error {
	tick := time.NewTicker(b.every)
	defer tick.Stop()
	for range int64(b.n) - skip {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := emit(nodes.IntRecord(time.Now().UnixNano())); err != nil {
			return err
		}
	}
	return nil
}

var handOnKind = nodes.Define(nodes.Spec{
	Kind: "hand_on", Category: "bench", Summary: "Hands records on",
	In: []nodes.Port{{Name: "in", Type: recipe.Int}}, Out: []nodes.Port{{Name: "out", Type: recipe.Int}},
}, func(struct{}, *nodes.Env) (any, error) { return handOn{}, nil })

type handOn struct{}

// Process implements nodes.Processor.
func (handOn) Process(c *nodes.Call, r nodes.Record) error {
	c.Emit(r)
	return nil
}

// arriveKind notes in µs what has passed since each record was emitted.
func arriveKind(passed *[]float64) nodes.Kind {
	return nodes.Define(nodes.Spec{
		Kind: "arrive", Category: "bench", Summary: "Notes how old records are", Role: nodes.Sink,
		In: []nodes.Port{{Name: "in", Type: recipe.Int}},
	}, func(struct{}, *nodes.Env) (any, error) { return &arrive{passed: passed}, nil })
}

type arrive struct {
	passed *[]float64
	frame  []int64
}

// Process implements nodes.Processor.
func (a *arrive) Process(_ *nodes.Call, r nodes.Record) error {
	a.frame = append(a.frame, r.Int())
	return nil
}

// Flush implements nodes.Flusher: this is where a sink writes.
func (a *arrive) Flush(context.Context) error {
	now := time.Now().UnixNano()
	for _, at := range a.frame {
		*a.passed = append(*a.passed, float64(now-at)/1e3)
	}
	a.frame = a.frame[:0]
	return nil
}

// latency measures how long single records take.
func (b *bench) latency() (*section, error) {
	const rate = 500
	n := rate * pick(b, 20, 4)
	s := &section{title: "Latency", prose: fmt.Sprintf("%d records a second, %s of them, from a source that can't be read again through three durable\n"+
		"edges: from the source's emit to the sink's write. What the source emits is in the job's input\n"+
		"log before it goes on, which is a fourth durable write. Frames are closed when the input is\n"+
		"idle. The first second is left out.", rate, count(n))}
	s.row("run", "p50 ms", "p90 ms", "p99 ms", "most ms", "CPU µs a record")
	var p50 []float64
	for i := range pick(b, 3, 1) {
		store, err := os.MkdirTemp(b.dir, "store-")
		if err != nil {
			return nil, err
		}
		var answer latencyAnswer
		u, err := b.child(task{Do: doLatency, Dir: b.dir, Store: store, Records: n, Rate: rate, Profile: b.profileOf("latency")}, &answer)
		os.RemoveAll(store)
		if err != nil {
			return nil, err
		}
		v := slices.Sorted(slices.Values(answer.Passed[rate:]))
		at := func(q float64) float64 { return v[int(q*float64(len(v)-1))] / 1e3 }
		p50 = append(p50, at(0.5))
		s.row(fmt.Sprint(i+1), f2(at(0.5)), f2(at(0.9)), f2(at(0.99)), f2(at(1)), f2(u.perRecord(n)))
	}
	may := float64(mayLatency.Microseconds()) / 1e3
	s.check(median(p50) <= may, "p50 is %.2f ms; at most %.0f", median(p50), may)
	return s, nil
}
