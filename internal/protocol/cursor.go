package protocol

import (
	"encoding/binary"

	"sluice/recipe"
)

// Cursor is the place of a lane: the ordinal of the frame that comes next on it.
type Cursor struct {
	Split uint32
	N     uint64
	Path  string
	Done  bool // the lane's source has ended
}

// Next returns the cursor after a frame that was taken at c.
func (c Cursor) Next(parts recipe.Parts, endSplit, endSource bool) Cursor {
	if path, more := parts.Next(); more {
		c.Path = path
		return c
	}
	c.Path = ""
	if !endSplit {
		c.N++
		return c
	}
	c.Split, c.N, c.Done = c.Split+1, 0, endSource
	return c
}

// Passed reports whether the frame with that ordinal was taken before c.
func (c Cursor) Passed(o recipe.Ordinal) bool {
	if c.Done || o.Split != c.Split {
		return c.Done || o.Split < c.Split
	}
	if o.N != c.N {
		return o.N < c.N
	}
	return o.Path < c.Path
}

// At reports whether the frame with that ordinal is the one that comes next.
func (c Cursor) At(o recipe.Ordinal) bool {
	return !c.Done && o.Split == c.Split && o.N == c.N && o.Path == c.Path
}

// at returns the ordinal of the frame that comes next, on this lane.
func (c Cursor) at(lane uint16) recipe.Ordinal {
	return recipe.Ordinal{Split: c.Split, N: c.N, Lane: lane, Path: c.Path}
}

// before orders cursors of different lanes by split and n; a lane that is done is last.
func (c Cursor) before(b Cursor) bool {
	if c.Done || b.Done {
		return !c.Done && b.Done
	}
	if c.Split != b.Split {
		return c.Split < b.Split
	}
	return c.N < b.N
}

// Cursors are the places of a step's lanes.
type Cursors []Cursor

// Raise takes the places of other cursors where those are further, and reports whether
// that was anywhere. Places are told by messages that may be late or from an owner whose
// reign is over, and a step never goes back.
func (cs Cursors) Raise(to Cursors) bool {
	moved := false
	for i := range min(len(cs), len(to)) {
		c, t := cs[i], to[i]
		if c.before(t) || !c.Done && !t.before(c) && c.Path < t.Path {
			cs[i], moved = t, true
		}
	}
	return moved
}

// Pick returns the lane whose frame comes next in the order split, n, lane, and false
// when all lanes are done.
func (cs Cursors) Pick() (int, bool) {
	best := -1
	for i, c := range cs {
		if !c.Done && (best < 0 || c.before(cs[best])) {
			best = i
		}
	}
	return best, best >= 0
}

// Append encodes the cursors.
func (cs Cursors) Append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(cs)))
	for _, c := range cs {
		dst = AppendOrdinal(dst, recipe.Ordinal{Split: c.Split, N: c.N, Path: c.Path})
		if c.Done {
			dst = append(dst, 1)
		} else {
			dst = append(dst, 0)
		}
	}
	return dst
}

// DecodeCursors decodes what Append encoded and returns the bytes behind it.
func DecodeCursors(b []byte) (Cursors, []byte, error) {
	d := decoder{b: b}
	cs := make(Cursors, d.uint(recipe.MaxLanes))
	for i := range cs {
		o := d.ordinal()
		cs[i] = Cursor{Split: o.Split, N: o.N, Path: o.Path, Done: d.uint(1) == 1}
	}
	if d.bad {
		return nil, nil, ErrEntry
	}
	return cs, d.b, nil
}
