package text

import (
	"bytes"
	"fmt"
)

// template is what a match is replaced by.
type template []fragment

// fragment is a literal, or the text of a group when literal is nil.
type fragment struct {
	literal []byte
	group   int
}

// parseTemplate reads a replacement for a pattern with that many groups. `$` and
// digits is a group: the first digit always belongs to its number, each further one as
// long as such a group exists. `$$` is a dollar sign, and so is `$` before anything else.
func parseTemplate(s string, groups int) (template, error) {
	var t template
	var lit []byte
	for i := 0; i < len(s); i++ {
		if s[i] != '$' || i+1 == len(s) {
			lit = append(lit, s[i])
			continue
		}
		next := s[i+1]
		if next == '$' {
			lit = append(lit, '$')
			i++
			continue
		}
		if !isDigit(next) {
			lit = append(lit, '$')
			continue
		}
		i++
		group := int(next - '0')
		for i+1 < len(s) && isDigit(s[i+1]) && group*10+int(s[i+1]-'0') <= groups {
			i++
			group = group*10 + int(s[i]-'0')
		}
		if group > groups {
			return nil, fmt.Errorf("the replacement asks for group $%d, but the pattern has %d; write $$ for a dollar sign", group, groups)
		}
		if len(lit) > 0 {
			t = append(t, fragment{literal: lit})
			lit = nil
		}
		t = append(t, fragment{group: group})
	}
	if len(lit) > 0 {
		t = append(t, fragment{literal: lit})
	}
	return t, nil
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

// appendTo appends what the template makes of a match at those places. A group that
// took no part is empty.
func (t template) appendTo(b, text []byte, at []int) []byte {
	for _, f := range t {
		if f.literal != nil {
			b = append(b, f.literal...)
		} else if lo := at[2*f.group]; lo >= 0 {
			b = append(b, text[lo:at[2*f.group+1]]...)
		}
	}
	return b
}

// most returns a bound of what replacing can make of a text of that size: every match
// brings the literals, and the groups of all matches together are no more than the text.
func (t template) most(size int) int {
	n := size
	for _, f := range t {
		if f.literal != nil {
			n += (size + 1) * len(f.literal)
		} else {
			n += size
		}
	}
	return n
}

// expand returns the template in the form that the regexp package expands.
func (t template) expand() []byte {
	var b []byte
	for _, f := range t {
		if f.literal != nil {
			b = append(b, bytes.ReplaceAll(f.literal, []byte("$"), []byte("$$"))...)
		} else {
			b = fmt.Appendf(b, "${%d}", f.group)
		}
	}
	return b
}
