package simulation

import (
	"encoding/binary"

	"sluice/internal/protocol"
	"sluice/recipe"
)

// kind is what a step does.
type kind uint8

const (
	source kind = iota
	gate
	mapper
	filter
	branch  // even records out of one port, odd ones out of the other
	explode // every record becomes several, in parts
	impure  // asks the outside world: another answer every time
	faulty  // gives some records up, others every time
	window  // rolling
	zip
	counter // counts and digests, tells at the end
	limit
	fileSink    // writes in order, at offsets
	arrivalSink // takes frames as they arrive
)

var kindNames = [...]string{"source", "gate", "map", "filter", "branch", "explode", "impure", "faulty", "window", "zip", "count", "limit", "file", "arrival"}

func (k kind) String() string { return kindNames[k] }

func (k kind) role() recipe.Role {
	switch k {
	case source:
		return recipe.RoleSource
	case gate:
		return recipe.RoleGate
	case window, zip, counter, limit, fileSink:
		return recipe.RoleOrdered
	}
	return recipe.RoleRelay
}

// impure reports whether a kind makes something else of a frame every time.
func (k kind) impure() bool { return k == impure || k == faulty }

// outputs returns one element for each output port.
func (k kind) outputs() []struct{} {
	switch k {
	case fileSink, arrivalSink:
		return nil
	case branch:
		return make([]struct{}, 2)
	}
	return make([]struct{}, 1)
}

// made is what a step makes of a frame: records by output port and part.
type made struct {
	out  [][][]int64
	dead int64
}

// counts returns how many records each part carries.
func (m made) counts() [][]uint32 {
	c := make([][]uint32, len(m.out))
	for p := range m.out {
		for _, part := range m.out[p] {
			c[p] = append(c[p], uint32(len(part)))
		}
	}
	return c
}

// nothing is what goes on where the records do not.
func nothing(k kind) made {
	m := made{out: make([][][]int64, len(k.outputs()))}
	for p := range m.out {
		m.out[p] = [][]int64{nil}
	}
	return m
}

// relay is what a stateless step makes of records; chance is asked by impure ones only.
func relay(k kind, recs []int64, chance func(int) int) made {
	m := nothing(k)
	for i, x := range recs {
		switch k {
		case gate:
			m.out[0][0] = append(m.out[0][0], x)
		case mapper:
			m.out[0][0] = append(m.out[0][0], (x*3+1)%100_003)
		case filter:
			if x%3 != 0 {
				m.out[0][0] = append(m.out[0][0], x)
			}
		case branch:
			m.out[x%2][0] = append(m.out[x%2][0], x)
		case impure:
			for range chance(3) {
				m.out[0][0] = append(m.out[0][0], int64(chance(1000)))
			}
		case faulty:
			if chance(7) == 0 {
				m.dead++
				continue
			}
			m.out[0][0] = append(m.out[0][0], x)
		case explode:
			for c := range 1 + x%4 {
				m.out[0][0] = append(m.out[0][0], x*7+c+int64(i))
			}
		}
	}
	if k == explode {
		m.out[0] = cutParts(m.out[0][0])
	}
	return m
}

// cutRecords is what a source makes of a piece of a split: some records are too long.
func cutRecords(recs []int64) made {
	m := nothing(source)
	for _, x := range recs {
		if x%17 == 0 {
			m.dead++
			continue
		}
		m.out[0][0] = append(m.out[0][0], x)
	}
	return m
}

// cutParts cuts records into at most partsMost parts.
func cutParts(recs []int64) [][]int64 {
	parts := [][]int64{nil}
	for i, x := range recs {
		if last := len(parts) - 1; i > 0 && len(parts[last]) >= partRecords && len(parts) < partsMost {
			parts = append(parts, nil)
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], x)
	}
	return parts
}

// state is what an ordered step remembers.
type state struct {
	win    []int64
	left   []int64
	right  []int64
	n      int
	digest int64
	offset int
}

func (s *state) clone() *state {
	c := *s
	c.win = append([]int64(nil), s.win...)
	c.left = append([]int64(nil), s.left...)
	c.right = append([]int64(nil), s.right...)
	return &c
}

// apply is what an ordered step makes of records; skipped frames leave the state alone.
// write is told what a sink writes and where.
func (s *state) apply(n *node, v protocol.Verdict, recs []int64, port int, finish bool, write func(at int, x int64)) (made, bool) {
	m := nothing(n.kind)
	if v != protocol.Run {
		recs = nil
	}
	for _, x := range recs {
		switch n.kind {
		case window:
			if s.win = append(s.win, x); len(s.win) > 3 {
				s.win = s.win[1:]
			}
			if len(s.win) == 3 {
				m.out[0][0] = append(m.out[0][0], (s.win[0]+2*s.win[1]+4*s.win[2])%100_003)
			}
		case zip:
			if port == 0 {
				s.left = append(s.left, x)
			} else {
				s.right = append(s.right, x)
			}
			if len(s.left) > 0 && len(s.right) > 0 {
				m.out[0][0] = append(m.out[0][0], (s.left[0]*31+s.right[0])%100_003)
				s.left, s.right = s.left[1:], s.right[1:]
			}
		case limit:
			if s.n < n.limit {
				s.n++
				m.out[0][0] = append(m.out[0][0], x)
			}
		case counter:
			s.n++
			s.digest = (s.digest*31 + x) % 1_000_003
		case fileSink:
			if x%13 == 0 {
				m.dead++
				continue
			}
			write(s.offset, x)
			s.offset++
		}
	}
	if n.kind == counter && finish && v != protocol.Skipped {
		m.out[0][0] = append(m.out[0][0], int64(s.n), s.digest)
	}
	return m, n.kind == limit && s.n >= n.limit
}

// waver adds a record where it must not depend on.
func (m made) waver(yes bool) {
	if yes {
		m.out[0][0] = append(m.out[0][0], 1)
	}
}

// keep encodes what was made, for an entry's Kept.
func (m made) keep() []byte {
	b := binary.AppendUvarint(nil, uint64(m.dead))
	b = binary.AppendUvarint(b, uint64(len(m.out)))
	for _, parts := range m.out {
		b = binary.AppendUvarint(b, uint64(len(parts)))
		for _, recs := range parts {
			b = binary.AppendUvarint(b, uint64(len(recs)))
			for _, x := range recs {
				b = binary.AppendVarint(b, x)
			}
		}
	}
	return b
}

// kept decodes what keep encoded.
func kept(b []byte) made {
	num := func() int {
		v, n := binary.Uvarint(b)
		b = b[n:]
		return int(v)
	}
	m := made{dead: int64(num())}
	m.out = make([][][]int64, num())
	for p := range m.out {
		m.out[p] = make([][]int64, num())
		for i := range m.out[p] {
			for range num() {
				v, n := binary.Varint(b)
				b = b[n:]
				m.out[p][i] = append(m.out[p][i], v)
			}
		}
	}
	return m
}
