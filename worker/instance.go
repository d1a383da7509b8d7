package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"sluice/internal/bus"
	"sluice/nodes"
	"sluice/recipe"
)

// instance is a node at work: one goroutine uses it at a time.
type instance struct {
	run  *jobRun
	step *recipe.Step
	proc nodes.Processor
	call *nodes.Call
	cut  cutter
	room []byte // for the payload at hand
	time deadline

	slots *account
	turn  *turn // the slot that it works in
}

// enter waits for a slot to work in; leave gives it back.
func (in *instance) enter(ctx context.Context) (err error) {
	in.turn, err = in.slots.wait(ctx)
	return err
}

func (in *instance) leave() {
	in.turn.done()
	in.turn = nil
}

// rest pauses without the slot, and reports whether it works again.
func (in *instance) rest(ctx context.Context, d time.Duration) bool {
	if in.turn == nil {
		return pause(ctx, d)
	}
	in.leave()
	return pause(ctx, d) && in.enter(ctx) == nil
}

// close gives up what the node holds.
func (in *instance) close() {
	c, ok := in.proc.(nodes.Closer)
	if !ok {
		return
	}
	err := in.guard(func() error {
		_ = c.Close()
		return nil
	})
	if err != nil {
		in.run.fail(fmt.Errorf("node %s: close: %w", in.step.Node, err))
	}
}

// frame runs the node over a frame's records. An error means that the frame could not be
// done: the worker is stopping, or the step's on_error is fail.
func (in *instance) frame(ctx context.Context, h *bus.Header, payload []byte, port int) (*made, error) {
	in.begin(ctx, h.Ordinal())
	in.call.Port = port
	var letters []bus.DeadLetter
	var discarded int64
	typ := in.step.Inputs[port].Type
	if typ == recipe.Any { // edges of several types meet: each frame says its own
		typ = h.Type
	}
	batch := nodes.LoadBatch(typ, h.Records, payload)
	cur := batch.Cursor()
	for i := 0; ; i++ {
		passed, r, err := in.stretch(ctx, &cur)
		if err == nil {
			break
		}
		i += passed
		attempts, err := in.again(ctx, r, err)
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		switch in.step.OnError {
		case recipe.Drop:
			in.run.met(in.step, "a record was dropped", err)
			discarded++
		case recipe.Fail:
			return nil, &failure{fmt.Errorf("node %s gave up a record: %w", in.step.Node, err)}
		default:
			l := in.letter(h.Ordinal(), i, r, attempts, err)
			if err := in.store(ctx, &l); err != nil {
				return nil, err
			}
			letters = append(letters, l)
		}
	}
	if cur.Bad() {
		return nil, &failure{fmt.Errorf("node %s got a frame %s whose records do not decode", in.step.Node, h.Ordinal())}
	}
	return in.finish(h, letters, discarded)
}

func (in *instance) begin(ctx context.Context, o recipe.Ordinal) {
	in.call.Begin(ctx, seedOf(in.run.plan.Seed, in.step.ID, o))
}

// finish encodes what the call holds.
func (in *instance) finish(h *bus.Header, letters []bus.DeadLetter, discarded int64) (*made, error) {
	m, err := in.cut.frames(h, in.call)
	if err != nil {
		return nil, &failure{fmt.Errorf("node %s: %w", in.step.Node, err)}
	}
	m.dead, m.discarded = letters, discarded
	m.full, err = in.full()
	return m, err
}

// full reports whether the node needs no more.
func (in *instance) full() (full bool, err error) {
	f, ok := in.proc.(nodes.Full)
	if !ok {
		return false, nil
	}
	err = in.guard(func() error {
		full = f.Full()
		return nil
	})
	if err != nil {
		return false, &failure{fmt.Errorf("node %s: %w", in.step.Node, err)}
	}
	return full, nil
}

// stretch runs the node over the records that cur still has, up to the first that fails:
// r, with what was emitted for it taken back. A frame without faults is one stretch, so
// that guarding against panics costs once a frame.
func (in *instance) stretch(ctx context.Context, cur *nodes.Cursor) (passed int, r nodes.Record, err error) {
	var mark nodes.Mark
	in.call.Within(in.time.start(ctx))
	fault := in.guard(func() error {
		for {
			next, ok := cur.Next()
			if !ok {
				return nil
			}
			r, mark = next, in.call.Mark()
			in.time.next()
			if err := in.proc.Process(in.call, r); err != nil {
				return err
			}
			if err := in.call.Err(); err != nil {
				return err
			}
			if in.time.over.Load() { // it was late, and is through
				_ = in.time.stop(nil)
				in.call.Within(in.time.start(ctx))
			}
			passed++
		}
	})
	fault = in.time.stop(fault)
	in.call.Within(ctx)
	if fault != nil {
		in.call.Rollback(mark)
	}
	return passed, r, fault
}

// again runs the node over a record that failed with err, until it is through or given up.
func (in *instance) again(ctx context.Context, r nodes.Record, err error) (attempts int, last error) {
	mark := in.call.Mark()
	for attempts = 1; ; attempts++ {
		if ctx.Err() != nil || nodes.IsPermanent(err) || attempts >= in.step.Retry.Attempts {
			return attempts, err
		}
		in.run.met(in.step, "a record is tried again", err)
		if !in.rest(ctx, in.backoff(attempts, err)) {
			return attempts, ctx.Err()
		}
		in.run.meter().Retried(in.step.Kind)
		err = in.time.once(ctx, func(ctx context.Context) error {
			in.call.Within(ctx)
			if err := in.guard(func() error { return in.proc.Process(in.call, r) }); err != nil {
				return err
			}
			return in.call.Err()
		})
		in.call.Within(ctx)
		if err == nil {
			return attempts + 1, nil
		}
		in.call.Rollback(mark)
	}
}

func (in *instance) backoff(attempt int, err error) time.Duration {
	if after, ok := nodes.AfterOf(err); ok {
		return min(after, time.Hour)
	}
	return min(in.step.Retry.Backoff<<min(attempt-1, 16), time.Minute)
}

// letter describes a record that was given up.
func (in *instance) letter(o recipe.Ordinal, index int, r nodes.Record, attempts int, err error) bus.DeadLetter {
	l := bus.DeadLetter{
		ID:  fmt.Sprintf("%d.%s.%d", in.step.ID, o, index),
		Job: in.run.names.Job, Node: in.step.Node, Kind: in.step.Kind, Port: in.step.Inputs[in.call.Port].Name,
		Type: r.Type(), Reason: in.run.reason(err), Attempts: attempts, At: time.Now().UTC(),
	}
	if r.Type() != recipe.JSON && !utf8.Valid(r.Bytes()) {
		l.Raw = append([]byte(nil), r.Bytes()...)
		return l
	}
	l.Record = recordJSON(r)
	return l
}

// store moves a record that is too large for a message into the job's values.
func (in *instance) store(ctx context.Context, l *bus.DeadLetter) error {
	if len(l.Record)+len(l.Raw) <= largeLetter {
		return nil
	}
	data := []byte(l.Record)
	if l.Raw != nil {
		data = l.Raw
	}
	name, err := in.run.putValue(ctx, "dead-"+strings.ReplaceAll(l.ID, ".", "-"), data)
	if err != nil {
		return err
	}
	l.Ref, l.RefRaw, l.Record, l.Raw = name, l.Raw != nil, nil, nil
	return nil
}

// largeLetter is the size of a record beyond which a dead letter names it: those that are
// published at once, each with a reason and a place, must fit a message.
const largeLetter = 4 << 10

// recordJSON renders a record as a JSON value.
func recordJSON(r nodes.Record) json.RawMessage {
	var v any
	switch r.Type() {
	case recipe.JSON:
		if json.Valid(r.Bytes()) {
			return append(json.RawMessage(nil), r.Bytes()...)
		}
		v = r.Text()
	case recipe.Bool:
		v = r.Bool()
	case recipe.Int:
		v = r.Int()
	case recipe.Float:
		return json.RawMessage(fmt.Sprintf("%q", fmt.Sprint(r.Float())))
	default:
		v = r.Text()
	}
	b, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage(`null`)
	}
	return b
}

// reason is the text of an error for a dead letter.
func (r *jobRun) reason(err error) string { return r.bounded(err.Error()) }

// bounded makes a reason, or a place, fit for a dead letter.
func (r *jobRun) bounded(text string) string { return clip(r.mask.hide(text)) }

// clip bounds a reason, or a place: errors may quote what they met.
func clip(s string) string {
	const most = 1 << 10
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// failure is an error that fails the job.
type failure struct{ error }

func (f *failure) Unwrap() error { return f.error }

// pause waits and reports whether the time passed before ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// seedOf mixes what a frame's chance is a function of (splitmix64 finalizer).
func seedOf(seed uint64, step int, o recipe.Ordinal) [2]uint64 {
	mix := func(x uint64) uint64 {
		x += 0x9e3779b97f4a7c15
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		return x ^ x>>31
	}
	a := mix(mix(seed) ^ uint64(step))
	b := mix(mix(uint64(o.Split)<<32^uint64(o.Lane)) ^ o.N)
	for i := 0; i < len(o.Path); i++ {
		b = mix(b ^ uint64(o.Path[i]) + 1)
	}
	return [2]uint64{a, b}
}
