package recipe

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Ordinal is a frame's place in the order of its edge: split, then n, then lane,
// then path. The path has one entry for every step above that cut the frame into
// parts; trailing zeros are dropped, so that a frame has one ordinal only.
type Ordinal struct {
	Split uint32
	N     uint64
	Lane  uint16
	Path  string // two bytes a level, big endian
}

// Compare orders ordinals: negative when o is before b.
func (o Ordinal) Compare(b Ordinal) int {
	if c := cmp.Compare(o.Split, b.Split); c != 0 {
		return c
	}
	if c := cmp.Compare(o.N, b.N); c != 0 {
		return c
	}
	if c := cmp.Compare(o.Lane, b.Lane); c != 0 {
		return c
	}
	return strings.Compare(o.Path, b.Path)
}

// String returns the ordinal as one subject token: split-n-lane, then _part for
// each level of the path.
func (o Ordinal) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d-%d-%d", o.Split, o.N, o.Lane)
	for i := 0; i+1 < len(o.Path); i += 2 {
		fmt.Fprintf(&b, "_%d", int(o.Path[i])<<8|int(o.Path[i+1]))
	}
	return b.String()
}

// ParseOrdinal reads what String writes.
func ParseOrdinal(s string) (Ordinal, error) {
	var o Ordinal
	head, path, _ := strings.Cut(s, "_")
	if n, err := fmt.Sscanf(head, "%d-%d-%d", &o.Split, &o.N, &o.Lane); n < 3 || err != nil {
		return Ordinal{}, fmt.Errorf("%q is not an ordinal", s)
	}
	if path != "" {
		for level := range strings.SplitSeq(path, "_") {
			v, err := strconv.ParseUint(level, 10, 16)
			if err != nil {
				return Ordinal{}, fmt.Errorf("%q is not an ordinal", s)
			}
			o.Path += string([]byte{byte(v >> 8), byte(v)})
		}
	}
	if o.String() != s {
		return Ordinal{}, fmt.Errorf("%q is not an ordinal", s)
	}
	return o, nil
}

// Parts is the full path of a frame with the "last" flag of each level: two bytes
// a level, the part's number shifted left by one, and the flag in the lowest bit.
type Parts string

// Path returns the path as ordinals carry it, without trailing zeros.
func (p Parts) Path() string {
	if p == "" {
		return ""
	}
	b := make([]byte, len(p))
	end := 0
	for i := 0; i+1 < len(p); i += 2 {
		v := (int(p[i])<<8 | int(p[i+1])) >> 1
		b[i], b[i+1] = byte(v>>8), byte(v)
		if v != 0 {
			end = i + 2
		}
	}
	return string(b[:end])
}

// Append returns the path one level deeper: part number part, and whether it is
// the last one.
func (p Parts) Append(part int, last bool) Parts {
	v := part << 1
	if last {
		v |= 1
	}
	return p + Parts([]byte{byte(v >> 8), byte(v)})
}

// Next returns the path of the frame that follows in the same (split, n), and
// false when p was the last one.
func (p Parts) Next() (string, bool) {
	i := len(p) - 2
	for i >= 0 && p[i+1]&1 == 1 {
		i -= 2
	}
	if i < 0 {
		return "", false
	}
	b := make([]byte, i+2)
	for k := 0; k <= i; k += 2 {
		v := (int(p[k])<<8 | int(p[k+1])) >> 1
		if k == i {
			v++
		}
		b[k], b[k+1] = byte(v>>8), byte(v)
	}
	return string(b), true
}
