package text

import (
	"bytes"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	"sluice/nodes"
)

// Bounds of regular expressions. The machine needs up to about 15 ns for each
// instruction and byte, so that maxWork is some seconds at worst.
const (
	maxPattern = nodes.MaxPattern // bytes
	maxProgram = 20_000           // instructions of the compiled pattern
	maxWork    = 1 << 28          // instructions times bytes of one record
)

// pattern is a compiled regular expression with what is known about it.
type pattern struct {
	re       *regexp.Regexp
	tree     *syntax.Regexp
	program  int    // instructions
	required []byte // a literal that every match contains; nil when none is known
}

// compile reads a pattern; whole makes it match whole strings only. A pattern past the
// bounds is refused before any time or memory went into it.
func compile(src string, whole bool) (*pattern, error) {
	if len(src) > maxPattern {
		return nil, fmt.Errorf("regex has %d bytes; a pattern may have %d", len(src), maxPattern)
	}
	tree, err := syntax.Parse(src, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("regex is not a regular expression: %w", err)
	}
	if n := instructions(tree); n > maxProgram {
		return nil, fmt.Errorf("regex compiles to about %d instructions; %d are allowed: repeat less", n, maxProgram)
	}
	if whole {
		// An unclosed \Q would quote the closing parenthesis as well.
		if strings.Contains(src, `\Q`) {
			src = tree.String()
		}
		src = `\A(?:` + src + `)\z`
	}
	re, err := regexp.Compile(src)
	if err != nil {
		return nil, fmt.Errorf("regex is not a regular expression: %w", err)
	}
	return &pattern{re: re, tree: tree, program: instructions(tree), required: required(tree)}, nil
}

// allow refuses a record that the pattern could take too long for.
func (p *pattern) allow(size int) error {
	if size*p.program > maxWork {
		return nodes.Permanentf("the record of %d bytes is too long for a pattern of %d instructions; %d bytes are allowed",
			size, p.program, maxWork/p.program)
	}
	return nil
}

// instructions estimates the size of the compiled pattern from above, without
// compiling it, and stops counting past the bound.
func instructions(re *syntax.Regexp) int {
	n := 2
	switch re.Op {
	case syntax.OpLiteral:
		n += len(re.Rune)
	case syntax.OpCharClass:
		n += len(re.Rune) / 16 // a class is searched, a long one takes longer
	}
	for _, sub := range re.Sub {
		if n += instructions(sub); n > maxWork {
			return maxWork
		}
	}
	if re.Op == syntax.OpRepeat {
		if n *= max(re.Min, re.Max, 1); n > maxWork {
			return maxWork
		}
	}
	return n
}

// required returns the longest literal that is known to be part of every match.
func required(re *syntax.Regexp) []byte {
	switch re.Op {
	case syntax.OpLiteral:
		return literal(re)
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0])
		}
	case syntax.OpConcat:
		var longest []byte
		for _, sub := range re.Sub {
			if lit := required(sub); len(lit) > len(longest) {
				longest = lit
			}
		}
		return longest
	}
	return nil
}

// literal returns the bytes of a literal that can be searched for as bytes, else nil.
// U+FFFD can't: the regexp machine takes every invalid byte for it.
func literal(re *syntax.Regexp) []byte {
	if re.Op != syntax.OpLiteral || re.Flags&syntax.FoldCase != 0 {
		return nil
	}
	var b []byte
	for _, r := range re.Rune {
		if r == utf8.RuneError {
			return nil
		}
		b = utf8.AppendRune(b, r)
	}
	return b
}

// whole decides whether whole strings match a pattern.
type whole struct {
	*pattern
	glob *glob
}

func compileWhole(src string) (*whole, error) {
	p, err := compile(src, true)
	if err != nil {
		return nil, err
	}
	return &whole{pattern: p, glob: asGlob(p.tree)}, nil
}

func (w *whole) match(text []byte) (bool, error) {
	if w.glob != nil {
		return w.glob.match(text), nil
	}
	if w.required != nil && !bytes.Contains(text, w.required) {
		return false, nil
	}
	if err := w.allow(len(text)); err != nil {
		return false, err
	}
	return w.re.Match(text), nil
}
