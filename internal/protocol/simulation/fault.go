package simulation

import (
	"time"

	"sluice/recipe"
)

// faults are what goes wrong in a run, and when.
type faults struct {
	w          *world
	last       time.Duration // nothing goes wrong behind it
	serverDown time.Duration // no request is carried out before it
	drains     bool
}

func newFaults(w *world) faults { return faults{w: w} }

// schedule draws the faults of a run.
func (f *faults) schedule() {
	w := f.w
	kinds := []struct {
		name string
		do   func()
	}{
		{"crash", f.crash}, {"crash", f.crash}, {"crash", f.crash}, {"crash", f.crash},
		{"hang", f.hang}, {"hang", f.hang}, {"hang", f.hang}, {"hang", f.hang},
		{"kill all", f.killAll}, {"server restart", f.restart},
		{"Msg-Ids forgotten", f.forget}, {"Msg-Ids forgotten", f.forget}, {"Msg-Ids forgotten", f.forget},
		{"outage of workers", f.workersOut}, {"outage of a step", f.stepOut}, {"outage of the coordinator", f.coordinatorOut},
		{"lease lost", f.leaseLost}, {"lease lost", f.leaseLost}, {"lease lost", f.leaseLost},
		{"stop and resume", f.stopResume}, {"stop and resume", f.stopResume},
	}
	most := 20
	if w.oneIn(3) { // some runs see a few kinds only, and more of them
		a, b := kinds[w.rng.IntN(len(kinds))], kinds[w.rng.IntN(len(kinds))]
		kinds = append(kinds[:0], a, b)
		most = 40
	}
	t := time.Duration(0)
	gap := []time.Duration{5 * time.Millisecond, 40 * time.Millisecond, 300 * time.Millisecond}[w.rng.IntN(3)]
	for range w.rng.IntN(most) {
		t += w.between(0, gap)
		k := kinds[w.rng.IntN(len(kinds))]
		w.at(t, func() {
			w.count[k.name]++
			k.do()
		})
	}
	if w.oneIn(8) {
		f.drains = true
		w.at(w.between(0, 200*time.Millisecond), func() { w.count["drain"]++; w.drain = true })
	}
	f.last = t + 4*time.Second
}

func (f *faults) any() *task { return f.w.tasks[f.w.rng.IntN(len(f.w.tasks))] }

func (f *faults) crash() { f.any().kill(f.w.between(0, 2*f.w.g.ackWait)) }

func (f *faults) hang() {
	d := f.w.between(0, 4*f.w.g.ackWait)
	if f.w.oneIn(4) {
		d = f.w.between(0, 3*time.Second)
	}
	f.any().until = f.w.now + d
}

// leaseLost takes a lease away from an owner that works on until it learns of it.
func (f *faults) leaseLost() { f.w.store.leases[f.any().step].until = 0 }

func (f *faults) killAll() {
	f.kill(func(*task) bool { return true }, 30*time.Millisecond)
	f.forgetAll()
}

func (f *faults) restart() {
	f.forgetAll()
	f.serverDown = f.w.now + f.w.between(0, 200*time.Millisecond)
}

func (f *faults) forgetAll() {
	for _, e := range f.w.edges {
		clear(e.ids)
	}
}

func (f *faults) forget() { clear(f.w.edges[f.w.rng.IntN(len(f.w.edges))].ids) }

func (f *faults) kill(which func(*task) bool, delay time.Duration) {
	for _, t := range append([]*task(nil), f.w.tasks...) {
		if which(t) {
			t.kill(f.w.between(0, delay))
		}
	}
}

func (f *faults) workersOut() {
	out := f.w.between(0, 3*time.Second)
	for _, t := range append([]*task(nil), f.w.tasks...) {
		if t.step >= 0 {
			t.kill(out + f.w.between(0, 30*time.Millisecond))
		}
	}
}

func (f *faults) stepOut() {
	out, step := f.w.between(0, 3*time.Second), f.any().step
	for _, t := range append([]*task(nil), f.w.tasks...) {
		if t.step == step {
			t.kill(out)
		}
	}
}

func (f *faults) coordinatorOut() {
	out := f.w.between(0, 3*time.Second)
	for _, t := range append([]*task(nil), f.w.tasks...) {
		if t.step < 0 {
			t.kill(out)
		}
	}
}

// stopResume rests the job and takes it up again: most tasks stop in good order, some
// die, and some hang on and come back as zombies when others do their work.
func (f *faults) stopResume() {
	w := f.w
	out := w.between(0, time.Second)
	for _, t := range append([]*task(nil), w.tasks...) {
		if t.step < 0 {
			continue
		}
		switch n := w.rng.IntN(4); {
		case n == 0 || n == 1 && len(w.tasks) > 80:
			t.kill(out)
		case n == 1: // a zombie beside its replacement
			w.count["zombie"]++
			t.until = w.now + w.between(0, 2*out+500*time.Millisecond)
			w.at(t.until+w.between(0, 300*time.Millisecond), func() { t.bury() })
			w.spawn(t.step, t.begin, out)
		default:
			if t.stop != nil {
				t.run(t.stop)
			}
			w.at(w.now+w.between(0, 40*time.Millisecond), func() { t.kill(out) })
		}
	}
	for _, e := range w.edges {
		if w.oneIn(2) {
			e.release()
		}
	}
	for i := range w.g.plan.Steps {
		if w.oneIn(2) {
			w.store.leases[i].until = 0
		}
		for _, sp := range w.store.sources[i] {
			sp.deadline = min(sp.deadline, w.now+out)
		}
	}
}

// bury ends a task without a replacement.
func (t *task) bury() {
	t.dead = true
	for i, x := range t.tasks {
		if x == t {
			t.tasks = append(t.tasks[:i:i], t.tasks[i+1:]...)
			return
		}
	}
}

// damages draws whether a message is damaged when it is stored. Copies differ, but not
// those on the way to a sink that writes in order: there a zombie that saw the whole one
// would write where the owner, who did not, has put something else.
func (w *world) damages(e *edge, o ordinal) bool {
	if w.g.damage == 0 {
		return false
	}
	to := &w.g.plan.Steps[e.To]
	if to.Sink && to.Role == recipe.RoleOrdered {
		return (uint64(o.Split)*31+o.N*17+uint64(len(o.Path)))*2654435761>>8%uint64(w.g.damage) == 0
	}
	return w.oneIn(w.g.damage)
}
