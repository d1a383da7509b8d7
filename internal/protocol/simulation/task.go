package simulation

import (
	"time"

	"sluice/internal/protocol"
)

// task is something that a process does: an attempt at a step, one slot of a source, a
// contender for an owned step, the coordinator. It can be killed and it can hang.
type task struct {
	*world
	step  int // -1: the coordinator
	dead  bool
	until time.Duration // hangs until then
	begin func(t *task)
	stop  func() // asks it to stop in good order; may be nil
}

// hire starts the tasks of a job.
func (w *world) hire() {
	for i := range w.g.plan.Steps {
		for range w.g.nodes[i].tasks {
			w.spawn(i, w.begin(i), 0)
		}
	}
	w.spawn(-1, beginCoordinator, 0)
	w.spawn(-1, beginCoordinator, w.between(0, 50*time.Millisecond))
}

func (w *world) spawn(step int, begin func(*task), delay time.Duration) *task {
	t := &task{world: w, step: step, begin: begin}
	w.tasks = append(w.tasks, t)
	t.after(delay, func() { t.begin(t) })
	return t
}

// kill ends a task; its replacement starts after a delay.
func (t *task) kill(delay time.Duration) {
	if t.dead {
		return
	}
	t.bury()
	t.spawn(t.step, t.begin, delay)
}

// run carries out a step of the task's own: never when dead, later when it hangs.
func (t *task) run(fn func()) {
	switch {
	case t.dead || t.ended:
	case t.now < t.until:
		t.at(t.until, func() { t.run(fn) })
	default:
		fn()
	}
}

func (t *task) after(d time.Duration, fn func()) { t.at(t.now+d, func() { t.run(fn) }) }

// latency draws the time of one way to the server.
func (w *world) latency() time.Duration {
	switch n := w.rng.IntN(1000); {
	case n < 2:
		return w.between(time.Millisecond, 2*w.g.ackWait)
	case n < 30:
		return w.between(time.Millisecond, 10*time.Millisecond)
	}
	return w.between(20*time.Microsecond, 500*time.Microsecond)
}

// ask sends a request. It is carried out even when the task is gone by then. An answer
// may fail: then the request was carried out, or will be yet, or never.
func ask(t *task, do func() protocol.Result, answer func(protocol.Result)) {
	w := t.world
	failed, lost := w.oneIn(w.g.failing), w.oneIn(2)
	arrive := w.now + w.latency()
	if failed && w.oneIn(3) {
		arrive += w.between(0, w.g.ackWait)
	}
	back := w.now + w.latency() + w.latency()
	if !failed {
		back = arrive + w.latency()
	}
	r := protocol.Failed
	w.at(arrive, func() {
		if w.ended || failed && lost || w.now < w.faults.serverDown {
			return
		}
		if got := do(); !failed {
			r = got
		}
	})
	w.at(back, func() { t.run(func() { answer(r) }) })
	if failed {
		w.count["answer failed"]++
	}
}

// read asks until there is an answer.
func read[T any](t *task, do func() T, answer func(T)) {
	var v T
	ask(t, func() protocol.Result { v = do(); return protocol.OK }, func(r protocol.Result) {
		if r == protocol.Failed {
			read(t, do, answer)
			return
		}
		answer(v)
	})
}

// tell sends what has no answer; sometimes it comes late, or never.
func (t *task) tell(do func()) {
	w := t.world
	d := w.latency()
	switch {
	case w.oneIn(40):
		d = w.between(0, 3*w.g.ackWait)
		w.count["late ack"]++
	case w.oneIn(w.g.failing):
		return
	}
	w.at(w.now+d, func() {
		if !w.ended && w.now >= w.faults.serverDown {
			do()
		}
	})
}

// compute draws the time that a node takes over a frame.
func (w *world) computing() time.Duration {
	if w.oneIn(50) {
		return w.between(0, w.g.ackWait/2)
	}
	return w.between(0, 300*time.Microsecond)
}
