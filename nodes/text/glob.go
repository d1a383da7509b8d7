package text

import (
	"bytes"
	"regexp/syntax"
)

// glob matches whole strings against literals with gaps between them: what remains of
// patterns such as `.*Failed password.*`.
type glob struct {
	literals [][]byte
	open     bool // the string may begin with anything
	openEnd  bool // and end with anything
	oneLine  bool // a gap does not cross a line's end
}

// asGlob returns the glob that matches the same whole strings as re, or nil.
func asGlob(re *syntax.Regexp) *glob {
	var parts []*syntax.Regexp
	flatten(re, &parts)
	g := &glob{}
	lines, gap := false, false
	for i, part := range parts {
		switch {
		case part.Op == syntax.OpBeginText && i == 0, part.Op == syntax.OpEndText && i == len(parts)-1:
		case part.Op == syntax.OpLiteral:
			lit := literal(part)
			if lit == nil {
				return nil
			}
			if n := len(g.literals); n > 0 && !gap {
				g.literals[n-1] = append(g.literals[n-1], lit...)
			} else {
				g.literals = append(g.literals, lit)
			}
			gap = false
		case part.Op == syntax.OpStar && part.Sub[0].Op == syntax.OpAnyCharNotNL:
			gap, g.oneLine = true, true
			g.open = g.open || len(g.literals) == 0
		case part.Op == syntax.OpStar && part.Sub[0].Op == syntax.OpAnyChar:
			gap, lines = true, true
			g.open = g.open || len(g.literals) == 0
		default:
			return nil
		}
	}
	g.openEnd = gap
	if lines && g.oneLine {
		return nil
	}
	if g.oneLine {
		for _, lit := range g.literals {
			if bytes.IndexByte(lit, '\n') >= 0 {
				return nil
			}
		}
	}
	return g
}

// flatten appends the parts of a sequence; groups are looked through.
func flatten(re *syntax.Regexp, parts *[]*syntax.Regexp) {
	switch re.Op {
	case syntax.OpConcat, syntax.OpCapture:
		for _, sub := range re.Sub {
			flatten(sub, parts)
		}
	case syntax.OpEmptyMatch:
	default:
		*parts = append(*parts, re)
	}
}

func (g *glob) match(text []byte) bool {
	rest, lits := text, g.literals
	if len(lits) == 0 {
		return (g.open || len(text) == 0) && g.fits(text)
	}
	if !g.open {
		if !bytes.HasPrefix(rest, lits[0]) {
			return false
		}
		rest, lits = rest[len(lits[0]):], lits[1:]
		if len(lits) == 0 {
			return (g.openEnd || len(rest) == 0) && g.fits(text)
		}
	}
	if !g.openEnd {
		last := lits[len(lits)-1]
		if !bytes.HasSuffix(rest, last) {
			return false
		}
		rest, lits = rest[:len(rest)-len(last)], lits[:len(lits)-1]
	}
	for _, lit := range lits {
		i := bytes.Index(rest, lit)
		if i < 0 {
			return false
		}
		rest = rest[i+len(lit):]
	}
	return g.fits(text)
}

// fits is the check that gaps stayed in one line; it comes last because most strings
// fail at a literal.
func (g *glob) fits(text []byte) bool {
	return !g.oneLine || bytes.IndexByte(text, '\n') < 0
}
