package text

import (
	"bytes"
	"regexp/syntax"
	"slices"
	"unicode/utf8"
)

// chain finds the matches of patterns that are a sequence of literals and runs, such
// as `.* from (\S+) port.*`, without the regexp machine: a run is one character class
// repeated greedily. Only shapes are taken of which a match can be found by going
// forward, and backward at most to the last place of a literal; what a match is stays
// what the regexp package says (leftmost, then greedy).
type chain struct {
	pieces []piece
	slots  int // two for the match, two for each group
}

type piece struct {
	sort    pieceSort
	literal []byte
	set     *[256]bool // bytes of a run; all above 127 or none
	outside int        // the one byte that set lacks, or -1
	least   int        // bytes that a run has at least, 0 or 1
	back    bool       // a run that may have to end before its last byte
	slot    int
}

type pieceSort uint8

const (
	aLiteral pieceSort = iota
	aRun
	aMark // a group begins or ends
)

// asChain returns the chain that finds the same matches as re, or nil.
func asChain(re *syntax.Regexp, groups int) *chain {
	c := &chain{slots: 2 * (groups + 1)}
	if !c.add(re) {
		return nil
	}
	solid := false
	for i := range c.pieces {
		p := &c.pieces[i]
		if p.sort == aLiteral || p.sort == aRun && p.least > 0 {
			solid = true
		}
		if p.sort == aRun && !c.settle(i) {
			return nil
		}
	}
	if !solid {
		return nil // empty matches have rules of their own
	}
	return c
}

func (c *chain) add(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if !c.add(sub) {
				return false
			}
		}
		return true
	case syntax.OpCapture:
		c.pieces = append(c.pieces, piece{sort: aMark, slot: 2 * re.Cap})
		ok := c.add(re.Sub[0])
		c.pieces = append(c.pieces, piece{sort: aMark, slot: 2*re.Cap + 1})
		return ok
	case syntax.OpLiteral:
		lit := literal(re)
		c.pieces = append(c.pieces, piece{literal: lit})
		return lit != nil
	case syntax.OpStar, syntax.OpPlus:
		set, outside := byteSet(re.Sub[0])
		if set == nil || re.Flags&syntax.NonGreedy != 0 {
			return false
		}
		p := piece{sort: aRun, set: set, outside: outside}
		if re.Op == syntax.OpPlus {
			p.least = 1
		}
		c.pieces = append(c.pieces, p)
		return true
	}
	return false
}

// settle decides how the run at i ends, by what follows it; false means that neither
// way is safe.
func (c *chain) settle(i int) bool {
	run := &c.pieces[i]
	rest := slices.DeleteFunc(slices.Clone(c.pieces[i+1:]), func(p piece) bool { return p.sort == aMark })
	if len(rest) == 0 {
		return true
	}
	next := rest[0]
	switch {
	case next.sort == aLiteral:
		// Ending earlier than possible only helps when the literal can begin inside.
		run.back = run.set[next.literal[0]]
		return true
	case len(rest) == 1 && next.least == 0:
		return true // takes what is left, which may be nothing
	case next.least == 0:
		return false
	}
	for b := range 256 {
		if run.set[b] && next.set[b] {
			return false
		}
	}
	return true
}

// byteSet returns the bytes of the characters of a class, when bytes are enough to
// tell them: all characters above 127 belong to it, or none. If all bytes but one do,
// outside is that byte, else -1.
func byteSet(re *syntax.Regexp) (set *[256]bool, outside int) {
	ranges := re.Rune
	switch re.Op {
	case syntax.OpAnyChar:
		ranges = []rune{0, utf8.MaxRune}
	case syntax.OpAnyCharNotNL:
		ranges = []rune{0, '\n' - 1, '\n' + 1, utf8.MaxRune}
	case syntax.OpCharClass:
	case syntax.OpLiteral:
		if len(re.Rune) != 1 || re.Rune[0] > 127 || re.Flags&syntax.FoldCase != 0 {
			return nil, 0
		}
		ranges = []rune{re.Rune[0], re.Rune[0]}
	default:
		return nil, 0
	}
	set = new([256]bool)
	high := false
	for i := 0; i+1 < len(ranges); i += 2 {
		lo, hi := ranges[i], ranges[i+1]
		for r := lo; r <= min(hi, 127); r++ {
			set[r] = true
		}
		if hi > 127 {
			if lo > 128 || hi != utf8.MaxRune {
				return nil, 0
			}
			high = true
		}
	}
	outside = -1
	missing := 0
	for b := range 256 {
		if b > 127 {
			set[b] = high
		}
		if !set[b] {
			outside = b
			missing++
		}
	}
	if missing != 1 {
		outside = -1
	}
	return set, outside
}

// find looks for the next match at or after from. It fills in the places of the match
// and its groups. It gives up, with steps below 0, when it had to look at more bytes
// than steps: some shapes need time that grows with the square of the text.
func (c *chain) find(text []byte, from int, at []int, steps *int) bool {
	first := 0
	for c.pieces[first].sort == aMark {
		first++
	}
	lead := &c.pieces[first]
	for from <= len(text) && *steps >= 0 {
		if lead.sort == aLiteral {
			i := bytes.Index(text[from:], lead.literal)
			if i < 0 {
				return false
			}
			from += i
		} else if lead.least > 0 {
			for from < len(text) && !lead.set[text[from]] {
				from++
			}
		}
		if end := c.match(text, 0, from, at, steps); end >= 0 {
			at[0], at[1] = from, end
			return true
		}
		if lead.sort == aRun {
			// No later start inside the same run can do what this one could not.
			from = lead.end(text, from)
		}
		from++
	}
	return false
}

// match matches the pieces from i at pos and returns the end, or -1.
func (c *chain) match(text []byte, i, pos int, at []int, steps *int) int {
	for ; i < len(c.pieces); i++ {
		p := &c.pieces[i]
		switch p.sort {
		case aMark:
			at[p.slot] = pos
		case aLiteral:
			if !bytes.HasPrefix(text[pos:], p.literal) {
				return -1
			}
			pos += len(p.literal)
		case aRun:
			end := p.end(text, pos)
			*steps -= end - pos + 1
			if end-pos < p.least || *steps < 0 {
				return -1
			}
			if p.back {
				return c.matchBack(text, i+1, pos+p.least, end, at, steps)
			}
			pos = end
		}
	}
	return pos
}

// matchBack matches the pieces from i, of which the first that is not a mark is a
// literal, at the last possible place from lo to hi.
func (c *chain) matchBack(text []byte, i, lo, hi int, at []int, steps *int) int {
	next := i
	for c.pieces[next].sort == aMark {
		next++
	}
	lit := c.pieces[next].literal
	hi = min(hi+len(lit), len(text))
	for lo <= hi {
		k := bytes.LastIndex(text[lo:hi], lit)
		if k < 0 {
			return -1
		}
		if *steps -= hi - lo - k; *steps < 0 {
			return -1
		}
		if end := c.match(text, i, lo+k, at, steps); end >= 0 {
			return end
		}
		hi = lo + k + len(lit) - 1
	}
	return -1
}

// end returns the end of the run's bytes from pos.
func (p *piece) end(text []byte, pos int) int {
	if p.outside >= 0 {
		if i := bytes.IndexByte(text[pos:], byte(p.outside)); i >= 0 {
			return pos + i
		}
		return len(text)
	}
	for pos < len(text) && p.set[text[pos]] {
		pos++
	}
	return pos
}
