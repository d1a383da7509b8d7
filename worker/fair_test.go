package worker

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"sluice/nodes"
)

// load is a job of a simulation: it always has so many frames that wait, each of a cost.
type load struct {
	a    *account
	cost time.Duration
	got  time.Duration
	n    int
}

// simulated shares slots among jobs for a time, on a clock of its own.
func simulated(t *testing.T, slots int, for_ time.Duration, jobs []*load, ahead int) {
	t.Helper()
	f := newFair(slots)
	var now time.Duration
	f.now = func() time.Duration { return now }
	var ends ending
	var ask func(l *load)
	begin := func(l *load, turn *turn) {
		l.got += l.cost
		l.n++
		heap.Push(&ends, end{now + l.cost, l, turn})
	}
	ask = func(l *load) {
		var t *turn
		t, at := l.a.ask(func() { begin(l, t) })
		if at {
			begin(l, t)
		}
	}
	for _, l := range jobs {
		l.a.f = f
		for range ahead {
			ask(l)
		}
	}
	for len(ends) > 0 && now < for_ {
		e := heap.Pop(&ends).(end)
		now = e.at
		ask(e.l)
		e.t.done()
		if f.held > slots || f.held < slots && len(f.waiting) > 0 {
			t.Fatalf("%d of %d slots are held while %d jobs wait", f.held, slots, len(f.waiting))
		}
	}
}

type end struct {
	at time.Duration
	l  *load
	t  *turn
}

type ending []end

func (e ending) Len() int           { return len(e) }
func (e ending) Less(i, j int) bool { return e[i].at < e[j].at }
func (e ending) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *ending) Push(x any)        { *e = append(*e, x.(end)) }
func (e *ending) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func loads(n int, priority func(i int) int, cost func(i int) time.Duration) []*load {
	f := newFair(1)
	all := make([]*load, n)
	for i := range all {
		all[i] = &load{a: f.join(priority(i)), cost: cost(i)}
	}
	return all
}

// TestEqualJobsShareEqually has 300 jobs on 8 slots, with frames of 1 to 20 ms: what counts is
// the time that a job gets, not its frames, and not how many of them wait.
func TestEqualJobsShareEqually(t *testing.T) {
	jobs := loads(300, func(int) int { return 0 }, func(i int) time.Duration { return time.Duration(1+i%20) * time.Millisecond })
	simulated(t, 8, 30*time.Second, jobs, 3)
	least, most := jobs[0].got, jobs[0].got
	for _, l := range jobs {
		least, most = min(least, l.got), max(most, l.got)
	}
	if ratio := float64(most) / float64(least); ratio > 1.2 {
		t.Errorf("one job got %v and another %v: %.2f times, want 1.2 at most", most, least, ratio)
	}
}

// TestPriorityWeighs looks that shares follow the priority, and that the lowest gets something.
func TestPriorityWeighs(t *testing.T) {
	priorities := []int{-10, -3, 0, 3, 10}
	jobs := loads(len(priorities), func(i int) int { return priorities[i] }, func(int) time.Duration { return time.Millisecond })
	simulated(t, 2, time.Minute, jobs, 4)
	for i, p := range priorities {
		want := weightOf(p) / weightOf(0)
		if got := float64(jobs[i].got) / float64(jobs[2].got); got < want*0.9 || got > want*1.1 {
			t.Errorf("priority %d got %.3f times what 0 got, want %.3f", p, got, want)
		}
	}
	if jobs[3].got < jobs[2].got*19/10 {
		t.Errorf("three steps of priority give %v for %v, want twice as much", jobs[3].got, jobs[2].got)
	}
}

// TestLateJobsOweNothing lets a job come late: it neither catches up on what it did not use nor
// waits for those that were there.
func TestLateJobsOweNothing(t *testing.T) {
	jobs := loads(2, func(int) int { return 0 }, func(int) time.Duration { return time.Millisecond })
	early := jobs[:1]
	simulated(t, 1, 10*time.Second, early, 3)
	f := early[0].a.f
	jobs[1].a.f = f
	t1, now := jobs[1].a.ask(func() {})
	if now {
		t.Fatal("a slot was free")
	}
	if behind := f.virtual - jobs[1].a.clock; behind > 0.01 {
		t.Errorf("the late job's clock is %v s behind", behind)
	}
	t1.done()
}

// TestSlotsDoNotLeak claims, gives up and uses slots in all orders, and looks that all are back.
func TestSlotsDoNotLeak(t *testing.T) {
	s := newShares(3)
	var members []member
	for p := range 5 {
		members = append(members, s.join(p))
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	const users = 40
	for i := range users {
		go func() {
			defer func() { done <- struct{}{} }()
			r := rand.New(rand.NewPCG(1, uint64(i)))
			for range 300 {
				within, end := context.WithTimeout(ctx, time.Duration(r.IntN(300))*time.Microsecond)
				turn, err := members[i%5].compute.wait(within)
				if err == nil && s.compute.busy() > 3 {
					t.Error("more slots are held than there are")
				}
				turn.done()
				turn.done()
				end()
			}
		}()
	}
	for range users {
		<-done
	}
	cancel()
	if _, err := members[0].compute.wait(ctx); err != nil && s.busy() > 0 { // granted at once, or not
		t.Error(err)
	}
	s.compute.mu.Lock()
	defer s.compute.mu.Unlock()
	if s.compute.held > 1 || len(s.compute.waiting) > 0 {
		t.Errorf("%d slots are held and %d jobs wait", s.compute.held, len(s.compute.waiting))
	}
}

// TestWhoTakesNoSlot looks that kinds that wait are in nobody's way.
func TestWhoTakesNoSlot(t *testing.T) {
	s := newShares(1)
	m := s.join(0)
	waits, asks, computes := &nodes.Kind{Spec: nodes.Spec{Waits: true}}, &nodes.Kind{Spec: nodes.Spec{Impure: true}}, &nodes.Kind{}
	for range 3 {
		if _, now := m.of(waits).ask(nil); !now {
			t.Error("a kind that waits waits for a slot")
		}
	}
	_, first := m.of(asks).ask(nil)
	_, second := m.of(computes).ask(nil)
	if !first || !second {
		t.Error("a kind that asks the outside world is in the way of one that computes")
	}
	if s.busy() != 2 {
		t.Errorf("got %d busy, want 2", s.busy())
	}
}

// BenchmarkSlot is what a frame pays for its slot when nobody waits, and when 300 jobs do.
func BenchmarkSlot(b *testing.B) {
	b.Run("free", func(b *testing.B) {
		f := newFair(8)
		a := f.join(0)
		for b.Loop() {
			t, _ := a.ask(nil)
			t.done()
		}
	})
	b.Run("300 jobs wait", func(b *testing.B) {
		f := newFair(8)
		held := make(chan *turn, 1000)
		ask := func(a *account) {
			var t *turn
			t, now := a.ask(func() { held <- t })
			if now {
				held <- t
			}
		}
		for range 300 {
			ask(f.join(0))
		}
		for b.Loop() {
			t := <-held
			ask(t.a)
			t.done()
		}
	})
}
