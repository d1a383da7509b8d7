package worker

import (
	"container/heap"
	"context"
	"math"
	"runtime"
	"sync"
	"time"

	"sluice/nodes"
)

// Slots of a worker that is not told its concurrency.
const (
	slotsPerCPU = 4 // hides the moments in which a frame waits for a disk, or for the store of large values
	// outsidePerSlot is how many frames may ask the outside world for each that computes: they
	// mostly wait, and must not be in the way of those that don't.
	outsidePerSlot = 8
)

// shares are the slots of a worker: a frame is computed in one of them. There are two sorts,
// so that an address that does not answer holds up nobody who only computes. Kinds that wait
// on purpose take none: they compute nothing, and wait for as long as their settings say.
//
// Slots are shared by start-time fair queueing (Goyal, Vin, Cheng, 1996): each job has a clock
// that its use of slots moves on, the slower the higher its priority is, and the job whose
// clock is behind gets the next slot. So jobs of one priority get equal time, whatever their
// number of steps, nobody starves, and no slot is idle while a frame waits.
type shares struct {
	compute, outside *fair
}

// Slots is how many frames a worker computes at once that is told a number; 0 is 4 for each processor.
func Slots(told int) int {
	if told > 0 {
		return told
	}
	return slotsPerCPU * runtime.GOMAXPROCS(0)
}

func newShares(told int) shares {
	slots := Slots(told)
	return shares{newFair(slots), newFair(slots * outsidePerSlot)}
}

func (s *shares) busy() int { return s.compute.busy() + s.outside.busy() }

// member is a job's part in both.
type member struct{ compute, outside *account }

func (s *shares) join(priority int) member {
	return member{s.compute.join(priority), s.outside.join(priority)}
}

// of returns where a kind's frames wait for their slots, nil for one that takes none.
func (m *member) of(kind *nodes.Kind) *account {
	switch {
	case kind.Waits:
		return nil
	case kind.Impure:
		return m.outside
	}
	return m.compute
}

// doubling is by how many steps of priority a job's share doubles.
const doubling = 3

// weightOf is a job's share relative to one of priority 0.
func weightOf(priority int) float64 {
	return math.Exp2(float64(min(max(priority, -10), 10)) / doubling)
}

// fair hands out slots.
type fair struct {
	mu      sync.Mutex
	slots   int         // guarded by mu, as all below
	held    int         // slots in use
	virtual float64     // the clock of the job that got a slot last
	waiting waitingJobs // jobs with turns that wait, the one behind first
	now     func() time.Duration
}

// account is one job's use of the slots.
type account struct {
	f      *fair
	weight float64
	clock  float64 // guarded by f.mu, as all below: virtual seconds
	cost   float64 // seconds that a frame takes, on average
	held   int
	turns  []*turn // that wait, the oldest first
	at     int     // its place among the jobs that wait, -1 when it is not
}

// turn is a frame's claim to a slot.
type turn struct {
	a       *account
	granted func() // called once, from any goroutine; must not block
	has     bool   // guarded by f.mu
	over    bool   // guarded by f.mu
	since   time.Duration
	charged float64
}

func newFair(slots int) *fair {
	begun := time.Now()
	return &fair{slots: slots, now: func() time.Duration { return time.Since(begun) }}
}

func (f *fair) join(priority int) *account {
	return &account{f: f, weight: weightOf(priority), cost: 1e-3, at: -1}
}

func (f *fair) limit() int { return f.slots }

func (f *fair) busy() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.held
}

// ask claims a slot. now says that it is there at once; else granted is called when it is.
// The turn must be given up by done, whether it was granted or not. No account has slots
// without end.
func (a *account) ask(granted func()) (t *turn, now bool) {
	if a == nil {
		return nil, true
	}
	f := a.f
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(a.turns) == 0 && a.held == 0 { // what it left unused is nobody's debt
		a.clock = max(a.clock, f.virtual)
	}
	t = &turn{a: a, granted: granted}
	if f.held < f.slots && len(f.waiting) == 0 {
		f.grant(t)
		return t, true
	}
	a.turns = append(a.turns, t)
	if a.at < 0 {
		heap.Push(&f.waiting, a)
	}
	return t, false
}

// wait claims a slot and returns when it is there, or ctx ends. done gives it back.
func (a *account) wait(ctx context.Context) (*turn, error) {
	came := make(chan struct{})
	t, now := a.ask(func() { close(came) })
	if now {
		return t, nil
	}
	select {
	case <-came:
		return t, nil
	case <-ctx.Done():
		t.done()
		return nil, ctx.Err()
	}
}

// done gives the slot back, or the claim to one up; again it does nothing, as for nil.
func (t *turn) done() {
	if t == nil {
		return
	}
	f := t.a.f
	f.mu.Lock()
	if t.over {
		f.mu.Unlock()
		return
	}
	t.over = true
	if !t.has {
		t.a.forget(t)
		f.mu.Unlock()
		return
	}
	f.settle(t)
	next := f.next()
	f.mu.Unlock()
	if next != nil {
		next.granted()
	}
}

// grant gives a turn a slot and charges what frames of its job take on average. Called with mu
// held, as all below.
func (f *fair) grant(t *turn) {
	a := t.a
	f.held++
	a.held++
	f.virtual = max(f.virtual, a.clock)
	t.has, t.since, t.charged = true, f.now(), a.cost/a.weight
	a.clock += t.charged
}

// settle takes a slot back, and corrects what it was charged for.
func (f *fair) settle(t *turn) {
	a := t.a
	took := (f.now() - t.since).Seconds()
	f.held--
	a.held--
	a.clock += took/a.weight - t.charged
	a.cost += (took - a.cost) / 8
	if a.at >= 0 {
		heap.Fix(&f.waiting, a.at)
	}
}

// next grants the free slot to the job that is behind.
func (f *fair) next() *turn {
	if f.held >= f.slots || len(f.waiting) == 0 {
		return nil
	}
	a := f.waiting[0]
	t := a.turns[0]
	a.turns[0] = nil
	if a.turns = a.turns[1:]; len(a.turns) == 0 {
		heap.Pop(&f.waiting)
		a.turns = nil
	}
	f.grant(t)
	if a.at >= 0 {
		heap.Fix(&f.waiting, a.at)
	}
	return t
}

// forget drops a turn that still waits.
func (a *account) forget(t *turn) {
	for i, w := range a.turns {
		if w == t {
			a.turns = append(a.turns[:i:i], a.turns[i+1:]...)
			break
		}
	}
	if len(a.turns) == 0 && a.at >= 0 {
		heap.Remove(&a.f.waiting, a.at)
	}
}

// waitingJobs is a heap of the jobs that wait, the one whose clock is behind at the top.
type waitingJobs []*account

func (w waitingJobs) Len() int           { return len(w) }
func (w waitingJobs) Less(i, j int) bool { return w[i].clock < w[j].clock }
func (w waitingJobs) Swap(i, j int) {
	w[i], w[j] = w[j], w[i]
	w[i].at, w[j].at = i, j
}

// Push implements heap.Interface.
func (w *waitingJobs) Push(x any) {
	a := x.(*account)
	a.at = len(*w)
	*w = append(*w, a)
}

// Pop implements heap.Interface.
func (w *waitingJobs) Pop() any {
	last := len(*w) - 1
	a := (*w)[last]
	(*w)[last] = nil
	*w, a.at = (*w)[:last], -1
	return a
}
