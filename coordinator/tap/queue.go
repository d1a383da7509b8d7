package tap

import (
	"sync"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/recipe"
)

// Bounds of what waits for the reader of a tap, and of the frames that it knows again.
const (
	queueFrames = 256
	queueBytes  = 4 << 20
	remembered  = 1024
)

// item is a frame, or a gap where data is nil.
type item struct {
	point int
	data  []byte
	gap   coordinator.TapGap
}

// queue holds what was heard and not read yet. It never makes anybody wait.
type queue struct {
	mu     sync.Mutex
	items  []item // guarded by mu, as all below; no two gaps follow each other
	frames int
	bytes  int
	news   chan struct{} // holds one when there is something to take
}

// hear takes a frame that was published, or counts it where there is no room. Empty frames, which
// only say that nothing came of one, and frames that were heard before are passed over.
func (q *queue) hear(point int, seen *memory, data []byte) {
	h, _, err := bus.OpenFrame(data)
	if err == nil && (h.Records == 0 || seen.again(h.Ordinal())) {
		return
	}
	if err != nil {
		q.leave(coordinator.TapGap{Frames: 1, Records: h.Records})
		return
	}
	q.mu.Lock()
	full := q.frames >= queueFrames || q.bytes+len(data) > queueBytes && q.frames > 0
	if !full {
		q.items = append(q.items, item{point: point, data: data})
		q.frames, q.bytes = q.frames+1, q.bytes+len(data)
	}
	q.mu.Unlock()
	if full {
		q.leave(coordinator.TapGap{Frames: 1, Records: h.Records})
		return
	}
	q.poke()
}

// leave counts what is left out behind all that waits.
func (q *queue) leave(g coordinator.TapGap) {
	if !g.Any() {
		return
	}
	q.mu.Lock()
	if n := len(q.items); n > 0 && q.items[n-1].data == nil {
		q.items[n-1].gap.Add(g)
	} else {
		q.items = append(q.items, item{gap: g})
	}
	q.mu.Unlock()
	q.poke()
}

func (q *queue) poke() {
	select {
	case q.news <- struct{}{}:
	default:
	}
}

// take returns the oldest that waits.
func (q *queue) take() (i item, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		return i, false
	}
	i, q.items[0] = q.items[0], item{}
	q.items = q.items[1:]
	if i.data != nil {
		q.frames, q.bytes = q.frames-1, q.bytes-len(i.data)
	}
	return i, true
}

// memory knows the last frames of an edge.
type memory struct {
	known map[recipe.Ordinal]struct{}
	ring  []recipe.Ordinal // the oldest at next, once it is full
	next  int
}

func newMemory() *memory { return &memory{known: map[recipe.Ordinal]struct{}{}} }

// again reports whether a frame was heard before, and remembers it.
func (m *memory) again(o recipe.Ordinal) bool {
	if _, found := m.known[o]; found {
		return true
	}
	m.known[o] = struct{}{}
	if len(m.ring) < remembered {
		m.ring = append(m.ring, o)
		return false
	}
	delete(m.known, m.ring[m.next])
	m.ring[m.next] = o
	m.next = (m.next + 1) % remembered
	return false
}
