package nodes

import (
	"encoding/binary"
	"math/bits"
)

// MaxNesting bounds how deep arrays and objects may lie inside each other.
const MaxNesting = 1000

// CheckJSON reports what is wrong with text, and at which byte, unless it is one JSON
// value as RFC 8259 has it, white space around it allowed. Strings may hold bytes that are
// not UTF-8. It takes no more memory for a deep value than for a flat one.
func CheckJSON(text []byte) error {
	c := jsonCheck{text: text}
	if err := c.values(); err != nil {
		return err
	}
	if c.pos = SkipJSONSpace(text, c.pos); c.pos < len(text) {
		return c.fault("the value has ended")
	}
	return nil
}

// jsonCheck goes through a text.
type jsonCheck struct {
	text   []byte
	pos    int
	depth  int
	object [MaxNesting/64 + 1]uint64 // bit i: what is open at depth i is an object
}

func (c *jsonCheck) fault(what string) error { return JSONFault(c.text, c.pos, what) }

// JSONFault is the error for a text that is wrong at an offset.
func JSONFault(text []byte, pos int, what string) error {
	if pos >= len(text) {
		return Permanentf("the JSON text ends too early, at offset %d", len(text))
	}
	return Permanentf("the JSON text is wrong at offset %d: %s, got %q", pos, what, text[pos])
}

// SkipJSONSpace returns the first place from pos on without white space.
func SkipJSONSpace(text []byte, pos int) int {
	for pos < len(text) && (text[pos] == ' ' || text[pos] == '\n' || text[pos] == '\r' || text[pos] == '\t') {
		pos++
	}
	return pos
}

// values reads a value with all that is in it.
func (c *jsonCheck) values() error {
	for {
		opened, err := c.value()
		for err == nil && !opened {
			if c.depth == 0 {
				return nil
			}
			var closed bool
			if closed, err = c.next(); !closed {
				break
			}
		}
		if err != nil {
			return err
		}
	}
}

// value reads a value, or opens one that has parts.
func (c *jsonCheck) value() (opened bool, err error) {
	if c.pos = SkipJSONSpace(c.text, c.pos); c.pos >= len(c.text) {
		return false, c.fault("")
	}
	switch b := c.text[c.pos]; b {
	case '{', '[':
		return c.open(b)
	case '"':
		c.pos, err = SkipJSONString(c.text, c.pos)
	case 't':
		err = c.word("true")
	case 'f':
		err = c.word("false")
	case 'n':
		err = c.word("null")
	default:
		c.pos, _, err = SkipJSONNumber(c.text, c.pos)
	}
	return false, err
}

func (c *jsonCheck) open(bracket byte) (opened bool, err error) {
	if c.depth++; c.depth > MaxNesting {
		return false, Permanentf("the JSON text is nested deeper than %d at offset %d", MaxNesting, c.pos)
	}
	word, bit := c.depth/64, uint64(1)<<(c.depth%64)
	c.object[word] &^= bit
	if bracket == '{' {
		c.object[word] |= bit
	}
	c.pos = SkipJSONSpace(c.text, c.pos+1)
	if c.pos < len(c.text) && c.text[c.pos] == bracket+2 { // closed at once
		c.pos++
		c.depth--
		return false, nil
	}
	if bracket == '{' {
		return true, c.key()
	}
	return true, nil
}

// next reads what follows a value inside another: a comma, and the next key, or the
// closing bracket.
func (c *jsonCheck) next() (closed bool, err error) {
	object := c.object[c.depth/64]&(1<<(c.depth%64)) != 0
	closing := byte(']')
	if object {
		closing = '}'
	}
	c.pos = SkipJSONSpace(c.text, c.pos)
	switch {
	case c.pos >= len(c.text) || c.text[c.pos] != ',' && c.text[c.pos] != closing:
		return false, c.fault("want a comma or " + string(closing))
	case c.text[c.pos] == closing:
		c.pos++
		c.depth--
		return true, nil
	}
	if c.pos++; object {
		return false, c.key()
	}
	return false, nil
}

func (c *jsonCheck) key() (err error) {
	if c.pos = SkipJSONSpace(c.text, c.pos); c.pos >= len(c.text) || c.text[c.pos] != '"' {
		return c.fault("want a key in quotes")
	}
	if c.pos, err = SkipJSONString(c.text, c.pos); err != nil {
		return err
	}
	c.pos = SkipJSONSpace(c.text, c.pos)
	return c.word(":")
}

func (c *jsonCheck) word(w string) error {
	for i := range len(w) {
		if c.pos >= len(c.text) || c.text[c.pos] != w[i] {
			return c.fault("want " + w)
		}
		c.pos++
	}
	return nil
}

// SkipJSONString returns the place behind the string that begins, with its quote, at pos.
func SkipJSONString(text []byte, pos int) (int, error) {
	for pos++; ; pos++ {
		if pos = plainBytes(text, pos); pos >= len(text) {
			return pos, JSONFault(text, pos, "")
		}
		switch c := text[pos]; {
		case c == '"':
			return pos + 1, nil
		case c != '\\':
			return pos, JSONFault(text, pos, "a string can't hold a control character")
		}
		if pos++; pos >= len(text) {
			return pos, JSONFault(text, pos, "")
		}
		switch text[pos] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		case 'u':
			for range 4 {
				if pos++; pos >= len(text) || !isHex(text[pos]) {
					return pos, JSONFault(text, pos, `want four hexadecimal digits after \u`)
				}
			}
		default:
			return pos, JSONFault(text, pos, "no such escape")
		}
	}
}

// plainBytes returns the first place from pos on that holds a quote, a backslash or a
// control character. It looks at eight bytes at once: of those, each test below sets the
// high bit of the first byte that it is for, and may be wrong only about bytes behind it.
func plainBytes(text []byte, pos int) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	for ; pos+8 <= len(text); pos += 8 {
		x := binary.LittleEndian.Uint64(text[pos:])
		quote, slash := x^ones*'"', x^ones*'\\'
		if found := ((quote-ones)&^quote | (slash-ones)&^slash | (x-ones*' ')&^x) & high; found != 0 {
			return pos + bits.TrailingZeros64(found)/8
		}
	}
	for pos < len(text) && text[pos] >= ' ' && text[pos] != '"' && text[pos] != '\\' {
		pos++
	}
	return pos
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// SkipJSONNumber returns the place behind the number that begins at pos, and whether it
// has neither fraction nor exponent.
func SkipJSONNumber(text []byte, pos int) (end int, whole bool, err error) {
	at := func(a, b byte) bool { return pos < len(text) && (text[pos] == a || text[pos] == b) }
	digits := func() bool {
		start := pos
		for pos < len(text) && '0' <= text[pos] && text[pos] <= '9' {
			pos++
		}
		return pos > start
	}
	if at('-', '-') {
		pos++
	}
	if at('0', '0') {
		pos++
	} else if !digits() {
		return pos, false, JSONFault(text, pos, "want a value")
	}
	whole = true
	if at('.', '.') {
		whole = false
		if pos++; !digits() {
			return pos, false, JSONFault(text, pos, "want a value")
		}
	}
	if at('e', 'E') {
		whole = false
		if pos++; at('+', '-') {
			pos++
		}
		if !digits() {
			return pos, false, JSONFault(text, pos, "want a value")
		}
	}
	return pos, whole, nil
}
