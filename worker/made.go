package worker

import (
	"fmt"

	"sluice/internal/bus"
	"sluice/internal/protocol"
	"sluice/nodes"
	"sluice/recipe"
)

// made is what a step made of one frame: the messages for its out-edges, by output port
// and part, and its dead letters.
type made struct {
	ports     [][][]byte // encoded frames
	counts    [][]uint32
	dead      []bus.DeadLetter
	discarded int64
	full      bool
	lost      uint64
	end       int64 // of a source's frame: the offset after it
	ended     bool  // of a source's frame: it ends the split
	kept      []byte
	bad       bool // the frame's payload could not be read
}

// entry writes what was made into a new ledger entry.
func (m *made) entry(step int, worker string) *protocol.Entry {
	return &protocol.Entry{Step: step, Dead: int64(len(m.dead)), Discard: m.discarded, Counts: m.counts, Lost: m.lost, Full: m.full, Kept: m.kept, By: worker}
}

// records returns how many records a source's frame was made of.
func (m *made) records() int64 {
	n := int64(len(m.dead)) + m.discarded
	for _, parts := range m.counts {
		for _, c := range parts {
			n += int64(c)
		}
	}
	return n
}

// cutter encodes what a call emitted into frames.
type cutter struct {
	run     *jobRun
	step    *recipe.Step
	expands bool
}

// frames encodes the outputs of a call as the answer to a frame with header h.
func (c *cutter) frames(h *bus.Header, call *nodes.Call) (*made, error) {
	m := &made{ports: make([][][]byte, len(c.step.Outputs)), counts: make([][]uint32, len(c.step.Outputs))}
	for p := range c.step.Outputs {
		parts := c.cut(call.Out(p))
		if len(parts) > recipe.MaxParts {
			return nil, fmt.Errorf("a frame became %d parts; it may become %d", len(parts), recipe.MaxParts)
		}
		m.ports[p] = make([][]byte, len(parts))
		m.counts[p] = make([]uint32, len(parts))
		for i, part := range parts {
			hp := *h
			hp.Type, hp.Records = c.step.Outputs[p].Type, part.n
			if len(parts) > 1 {
				hp.Parts = h.Parts.Append(i, i == len(parts)-1)
			}
			b, err := c.run.encode(c.step, p, &hp, part.buf)
			if err != nil {
				return nil, err
			}
			m.ports[p][i], m.counts[p][i] = b, uint32(part.n)
		}
	}
	return m, nil
}

// empty makes the answer to a frame whose records are lost.
func (c *cutter) empty(h *bus.Header) *made {
	m := &made{ports: make([][][]byte, len(c.step.Outputs)), counts: protocol.Empty(c.step)}
	for p := range c.step.Outputs {
		m.ports[p] = [][]byte{emptyFrame(h, c.step.Outputs[p].Type)}
	}
	return m
}

func emptyFrame(h *bus.Header, t recipe.Type) []byte {
	hp := *h
	hp.Type, hp.Records, hp.Ref = t, 0, false
	return bus.AppendFrame(nil, &hp, nil)
}

type part struct {
	n   int
	buf []byte
}

// bound returns what one part of a batch of n records and size bytes may hold: what a frame
// may, or as much more as it takes to be done with MaxParts. Half of the parts are for the
// bytes (two neighbours hold more than one may), half for the records. What a kind that does
// not expand makes of a frame stays one as long as it fits a message.
func (c *cutter) bound(n, size int) recipe.FrameLimits {
	const half = recipe.MaxParts/2 - 1
	l := c.run.plan.Frame
	if !c.expands {
		l.Records, l.Bytes = max(l.Records, recipe.PartRecords), max(l.Bytes, recipe.InlineBytes)
	}
	return recipe.FrameLimits{Records: max(l.Records, (n+half-1)/half), Bytes: max(l.Bytes, (2*size+half-1)/half)}
}

// cut divides a batch into the payloads of its frames: one, unless the batch outgrew a
// frame.
func (c *cutter) cut(b *nodes.Batch) []part {
	size, n := len(b.Encoded()), b.Len()
	most := c.bound(n, size)
	if n <= 1 || size <= most.Bytes && n <= most.Records {
		return []part{{n, b.Encoded()}}
	}
	var parts []part
	cur := b.Cursor()
	_, rest := cur.Rest()
	start, count := rest, 0
	for {
		_, before := cur.Rest()
		_, ok := cur.Next()
		if !ok {
			break
		}
		_, after := cur.Rest()
		if used := len(start) - len(after); count > 0 && (count == most.Records || used > most.Bytes) {
			parts = append(parts, part{count, start[:len(start)-len(before)]})
			start, count = before, 0
		}
		count++
	}
	return append(parts, part{count, start})
}

// one encodes a source's frame: never in parts.
func (c *cutter) one(h *bus.Header, call *nodes.Call) (*made, error) {
	b := call.Out(0)
	hp := *h
	hp.Type, hp.Records = c.step.Outputs[0].Type, b.Len()
	data, err := c.run.encode(c.step, 0, &hp, b.Encoded())
	if err != nil {
		return nil, err
	}
	return &made{ports: [][][]byte{{data}}, counts: [][]uint32{{uint32(b.Len())}}}, nil
}

// differs is the failure of a node that made something else of a frame than the ledger says
// that it made before.
func (o *outbox) differs(a *protocol.Action) error {
	why := "what a node makes must follow from the plan, the frame and its state alone"
	if o.step.Role == recipe.RoleSource {
		why = "its input may have been changed since this job began; a new job reads it as it is"
	}
	return &failure{fmt.Errorf("node %s made %s of frame %s, and before it made %s: %s", o.step.Node, saying(a.Entry), a.Follow.Ord, saying(a.Follow), why)}
}

// saying tells how much was made of a frame.
func saying(e *protocol.Entry) string {
	var records int64
	for p := range e.Counts {
		records += e.Out(p)
	}
	return fmt.Sprintf("%d records and %d dead letters", records, e.Dead)
}
