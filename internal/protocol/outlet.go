package protocol

import "time"

// Backoff before a refused or unanswered operation is tried again.
const (
	backoffMin = time.Millisecond
	backoffMax = 64 * time.Millisecond
)

// outletWindow bounds the window of an edge that was blocked. A double one for each of what was in
// flight would be none at all behind 64.
const outletWindow = 1 << 16

// unit is one publish: a part of a frame on an edge, as the entry that won says.
type unit struct {
	id    ID
	edge  int
	part  int
	entry *Entry
}

// outlet publishes on one out-edge. While the edge has room everything flies at once.
// When it refuses, the oldest refused unit is tried alone with backoff, and after a
// success the window opens again, doubling.
type outlet struct {
	blocked bool
	queue   []unit // refused or not yet sent, oldest first
	flying  int
	window  int
	backoff time.Duration
	retryAt time.Duration
}

func (o *outlet) send(u unit, now time.Duration, acts *[]Action) {
	if !o.blocked {
		o.fly(u, acts)
		return
	}
	o.enqueue(u)
	o.pump(now, acts)
}

func (o *outlet) fly(u unit, acts *[]Action) {
	o.flying++
	*acts = append(*acts, Action{Op: OpPublish, ID: u.id, Edge: u.edge, Part: u.part, Entry: u.entry})
}

func (o *outlet) enqueue(u unit) {
	i := len(o.queue)
	for i > 0 && (o.queue[i-1].id > u.id || o.queue[i-1].id == u.id && o.queue[i-1].part > u.part) {
		i--
	}
	o.queue = append(o.queue, unit{})
	copy(o.queue[i+1:], o.queue[i:])
	o.queue[i] = u
}

// answer takes the result of a publish and reports whether the unit is through.
func (o *outlet) answer(u unit, r Result, now time.Duration, acts *[]Action) bool {
	o.flying--
	if r == OK {
		if o.blocked {
			o.window = min(2*o.window, outletWindow)
			o.backoff = backoffMin
			o.pump(now, acts)
		}
		return true
	}
	if !o.blocked {
		o.blocked, o.backoff = true, backoffMin
	} else if now >= o.retryAt {
		o.backoff = min(2*o.backoff, backoffMax)
	}
	o.window = 1
	if now >= o.retryAt {
		o.retryAt = now + o.backoff
		*acts = append(*acts, Action{Op: OpWake, After: o.backoff})
	}
	o.enqueue(u)
	return false
}

// pump flies what the window allows.
func (o *outlet) pump(now time.Duration, acts *[]Action) {
	if !o.blocked || now < o.retryAt {
		return
	}
	for len(o.queue) > 0 && o.flying < o.window {
		u := o.queue[0]
		o.queue = o.queue[1:]
		o.fly(u, acts)
	}
	if len(o.queue) == 0 && o.flying == 0 {
		o.blocked, o.queue = false, nil
	}
}

// outlets are the out-edges of a step, and in front of them its dead letters.
type outlets []outlet

func newOutlets(edges int) outlets { return make(outlets, edges+1) }

func (os outlets) at(edge int) *outlet { return &os[edge+1] }

// blocked reports whether any edge holds something back.
func (os outlets) blocked() bool {
	for i := range os {
		if os[i].blocked {
			return true
		}
	}
	return false
}

func (os outlets) tick(now time.Duration, acts *[]Action) {
	for i := range os {
		os[i].pump(now, acts)
	}
}

// publishAll sends every part on every edge, and the dead letters, and returns how many
// publishes that are. ports tells the output port of each out-edge.
func (os outlets) publishAll(id ID, e *Entry, ports []int, now time.Duration, acts *[]Action) int {
	n := 0
	for part := range e.LetterParts() {
		os.at(DeadLetters).send(unit{id: id, edge: DeadLetters, part: part, entry: e}, now, acts)
		n++
	}
	for i, port := range ports {
		for part := range e.Counts[port] {
			os.at(i).send(unit{id: id, edge: i, part: part, entry: e}, now, acts)
			n++
		}
	}
	return n
}
