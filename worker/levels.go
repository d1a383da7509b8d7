package worker

import (
	"context"
	"sync"
	"time"

	"sluice/recipe"
)

// levels knows how full the edges are that drop instead of blocking. It asks the broker
// only while somebody wants to know: ten times a second, and sooner when an edge seems full
// and a frame would be dropped.
type levels struct {
	run *jobRun

	mu     sync.Mutex
	asked  time.Time
	asking bool
	counts map[recipe.EdgeID]uint64
}

const (
	levelsEvery = 100 * time.Millisecond
	levelsSoon  = 5 * time.Millisecond
)

func newLevels(r *jobRun) *levels { return &levels{run: r, counts: map[recipe.EdgeID]uint64{}} }

// at returns the number of frames that wait on an edge, as last read and with what this
// worker has published since. published is added to it.
func (l *levels) at(id recipe.EdgeID, published uint64) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.counts[id]
	if published > 0 && n >= uint64(l.run.plan.Edge(id).Capacity) {
		l.refresh(levelsSoon)
		return n
	}
	l.refresh(levelsEvery)
	l.counts[id] = n + published
	return n
}

// refresh starts to read the counts when they are old. Called with mu held.
func (l *levels) refresh(after time.Duration) {
	if l.asking || time.Since(l.asked) < after {
		return
	}
	l.asking = true
	go l.read()
}

func (l *levels) read() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	got := map[recipe.EdgeID]uint64{}
	for i := range l.run.plan.Streams {
		s := &l.run.plan.Streams[i]
		for _, id := range s.Edges {
			e := l.run.plan.Edge(id)
			if !e.Lossy() {
				continue
			}
			n, err := l.run.conn.SubjectCount(ctx, l.run.names.Fill(s.Name), l.run.names.Fill(e.Subject))
			if err != nil {
				break
			}
			got[id] = n
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked, l.asking = time.Now(), false
	for id, n := range got {
		l.counts[id] = n
	}
}

// lossyOuts describes the out-edges of a step that do not block.
type lossyOuts struct {
	levels *levels
	edges  []*recipe.Edge // by index in the step's Out; nil for edges that block
	any    bool
	step   *recipe.Step
	seen   [2]int // readers that were full at the last look, and the window behind it
}

func (r *jobRun) lossyOuts(s *recipe.Step) lossyOuts {
	l := lossyOuts{levels: r.levels, step: s, edges: make([]*recipe.Edge, len(s.Out))}
	for i, id := range s.Out {
		if e := r.plan.Edge(id); e.Overflow != recipe.Block {
			l.edges[i], l.any = e, true
		}
	}
	return l
}

// lost decides for each edge that drops the newest whether it is full now.
func (l *lossyOuts) lost() uint64 {
	if !l.any {
		return 0
	}
	var bits uint64
	for i, e := range l.edges {
		if e != nil && e.Overflow == recipe.DropNewest && l.levels.at(e.ID, 1) >= uint64(e.Capacity) {
			bits |= 1 << i
		}
	}
	return bits
}

// throttled is a machine that the 50 % rule holds.
type throttled interface {
	Observe(full, all int)
	Window() int
}

// observe lets a machine look at its readers, and logs what changes.
func (l *lossyOuts) observe(m throttled) {
	full, all := l.full()
	m.Observe(full, all)
	if now := [2]int{full, m.Window()}; now != l.seen {
		l.seen = now
		l.levels.run.log.Debug("readers looked at", "step", l.step.Node, "full", full, "readers", all, "window", m.Window())
	}
}

// full counts the readers, and those whose edge is at capacity and does not block.
func (l *lossyOuts) full() (full, all int) {
	for _, e := range l.edges {
		if e != nil && l.levels.at(e.ID, 0) >= uint64(e.Capacity) {
			full++
		}
	}
	return full, len(l.edges)
}
