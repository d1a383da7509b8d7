package simulation

import (
	"sluice/internal/protocol"
	"sluice/recipe"
)

// valueKey names a large payload: it is stored beside the edges, before the commit of the
// step that made it, and the frame carries its name.
type valueKey struct {
	step, port int
	ord        ordinal
}

// large tells which frames are too large for a message; all who make one agree.
func (k valueKey) large() bool {
	h := uint64(k.ord.Split)*31 + k.ord.N*17 + uint64(len(k.ord.Path))*7 + uint64(k.step)*3 + uint64(k.port)
	return h*2654435761>>9%4 == 0
}

// putValues stores what is large of a frame that was made.
func (d *driver) putValues(o ordinal, parts recipe.Parts, m made) {
	e := &protocol.Entry{Ord: o, Parts: parts}
	for port := range m.out {
		for part := range m.out[port] {
			k := valueKey{d.step, port, ordinal{Split: o.Split, N: o.N, Lane: o.Lane, Path: protocol.PartOf(e, len(m.out[port]), part).Path()}}
			if k.large() {
				d.store.values[k] = true
			}
		}
	}
}

// gone reports whether the payload of a frame that the node is to see is not stored any
// more. Then late is called when everybody is done with the frame: what is in hand is a copy
// that comes too late. Otherwise it was lost.
func (d *driver) gone(a protocol.Action, late func()) bool {
	h := d.hand[a.ID]
	if a.Verdict != protocol.Run || h.f.value == nil || d.store.values[*h.f.value] {
		return false
	}
	ord := d.ordinal(a.ID)
	read(d.task, func() bool { return d.below(ord) }, func(below bool) {
		if !below || d.opt.NoLate {
			d.fail("values: that of frame %s on edge %s is gone, and step %s needs it", ord, h.e.ID, d.s.Node)
			return
		}
		d.count["value gone"]++
		late()
	})
	return true
}

// sweep deletes the values of frames below the marks.
func (s *store) sweep(marks map[int]protocol.Mark) {
	for k := range s.values {
		source := s.w.g.plan.Steps[k.step].Lanes[k.ord.Lane].Source
		if marks[source].Below(k.ord.Split, k.ord.N) {
			delete(s.values, k)
		}
	}
}
