package simulation

import (
	"time"

	"sluice/internal/protocol"
	"sluice/recipe"
)

type ordinal = recipe.Ordinal

// frame is a message's content. Its lane is the writer's.
type frame struct {
	ord       ordinal
	parts     recipe.Parts
	endSplit  bool
	endSource bool
	recs      []int64
	value     *valueKey // where the records are, when they are too large for a message
	bad       bool      // the payload was damaged when it was stored
}

// edge is a subject of a WorkQueue stream with its one consumer.
type edge struct {
	*recipe.Edge
	w       *world
	msgs    []*message
	seq     uint64
	ids     map[ordinal]bool // Msg-Ids remembered
	epoch   uint64           // in the consumer's name
	readers []func()         // told that there is something
	most    int
}

type message struct {
	seq       uint64
	f         frame
	at        time.Duration
	delivered bool
	deadline  time.Duration
}

// inHand is a delivered message.
type inHand struct {
	e     *edge
	epoch uint64
	seq   uint64
	f     frame
	at    time.Duration
}

func newEdges(w *world) []*edge {
	es := make([]*edge, len(w.g.plan.Edges))
	for i := range es {
		es[i] = &edge{Edge: &w.g.plan.Edges[i], w: w, ids: map[ordinal]bool{}}
	}
	return es
}

// id is what a Msg-Id tells of an ordinal.
func (e *edge) id(o ordinal) ordinal {
	if e.w.opt.NoLanes {
		o.Lane = uint16(e.w.g.plan.Steps[e.From].Lanes[o.Lane].Source)
	}
	return o
}

// expire obeys MaxAge, which comes a little late.
func (e *edge) expire() {
	if e.TTL == 0 {
		return
	}
	keep := e.msgs[:0]
	for _, m := range e.msgs {
		if e.w.now-m.at <= e.TTL+10*time.Millisecond {
			keep = append(keep, m)
		}
	}
	e.msgs = keep
}

func (e *edge) put(f frame) protocol.Result {
	e.expire()
	if e.ids[e.id(f.ord)] {
		return protocol.OK
	}
	if len(e.msgs) >= e.Limit {
		if !e.w.opt.NoGates || e.Overflow != recipe.DropOldest {
			return protocol.Refused
		}
		e.msgs = e.msgs[1:]
	}
	if e.w.damages(e, f.ord) {
		f.bad = true
		e.w.count["damaged"]++
	}
	e.seq++
	e.msgs = append(e.msgs, &message{seq: e.seq, f: f, at: e.w.now})
	e.ids[e.id(f.ord)] = true
	e.most = max(e.most, len(e.msgs))
	e.wake()
	return protocol.OK
}

func (e *edge) wake() {
	for _, r := range e.readers {
		r()
	}
}

// backlog is the number of messages that wait to be delivered.
func (e *edge) backlog() int64 {
	e.expire()
	var n int64
	for _, m := range e.msgs {
		if !m.delivered {
			n++
		}
	}
	return n
}

// drops reports whether what comes now is lost, for want of room.
func (e *edge) drops() bool {
	return e.Overflow == recipe.DropNewest && len(e.msgs) >= e.Capacity
}

// fetch delivers up to n messages to a reader that knows the consumer's name.
func (e *edge) fetch(epoch uint64, n int) []inHand {
	e.expire()
	if epoch != e.epoch && !e.w.opt.KeepOld {
		return nil
	}
	var got []inHand
	pending := 0
	for _, m := range e.msgs {
		if m.delivered {
			pending++
		}
	}
	for _, m := range e.msgs {
		if len(got) == n {
			break
		}
		if m.delivered && m.deadline >= e.w.now {
			continue
		}
		if !m.delivered {
			if pending >= e.InHand {
				continue
			}
			pending++
		} else {
			e.w.count["redelivered"]++
		}
		m.delivered, m.deadline = true, e.w.now+e.w.g.ackWait
		got = append(got, inHand{e, epoch, m.seq, m.f, m.at})
	}
	return got
}

func (e *edge) find(h inHand) int {
	e.expire()
	if h.epoch != e.epoch && !e.w.opt.KeepOld {
		return -1
	}
	for i, m := range e.msgs {
		if m.seq == h.seq {
			return i
		}
	}
	return -1
}

// ack removes a message, whoever has it in hand by now, unless its consumer is gone.
func (h inHand) ack() {
	if i := h.e.find(h); i >= 0 {
		h.e.msgs = append(h.e.msgs[:i:i], h.e.msgs[i+1:]...)
	}
}

func (h inHand) beat() {
	if i := h.e.find(h); i >= 0 && h.e.msgs[i].delivered {
		h.e.msgs[i].deadline = h.e.w.now + h.e.w.g.ackWait
	}
}

// replace deletes the consumer and makes one under another epoch's name; an older epoch
// never replaces a newer one.
func (e *edge) replace(epoch uint64) {
	if e.w.opt.NoEpoch || epoch <= e.epoch {
		return
	}
	if e.epoch = epoch; !e.w.opt.KeepOld {
		e.release()
	}
}

// release has everything delivered again at once.
func (e *edge) release() {
	for _, m := range e.msgs {
		m.delivered = false
	}
	e.wake()
}
