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

// Parts behind the first few may be larger, so that a bounded number of them is enough.
const smallParts = 16

// cut divides a batch into the payloads of its frames: one, unless the batch outgrew a
// frame. What a kind that does not expand makes of a frame stays one frame as long as it
// fits a message.
func (c *cutter) cut(b *nodes.Batch) []part {
	size, n := len(b.Encoded()), b.Len()
	limits := c.run.plan.Frame
	if n <= 1 || size <= recipe.InlineBytes && !c.expands || size <= limits.Bytes && n <= limits.Records {
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
		used := len(start) - len(after)
		if count > 0 && c.over(len(parts), count+1, used) {
			parts = append(parts, part{count, start[:len(start)-len(before)]})
			start, count = before, 0
		}
		count++
	}
	return append(parts, part{count, start})
}

func (c *cutter) over(parts, records, bytes int) bool {
	limits := c.run.plan.Frame
	if !c.expands || parts >= smallParts {
		return bytes > recipe.InlineBytes
	}
	return records > limits.Records || bytes > limits.Bytes
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
