package data

import (
	"encoding/json"
	"strconv"

	"sluice/nodes"
)

// maxNesting bounds how deep arrays and objects may lie inside each other.
const maxNesting = 1000

// decoder turns a JSON text into Go values: nil, bool, int, float64, json.Number,
// string, []any and map[string]any. Whole numbers of 64 bit become int; whatever an int
// or, with floats set, a float64 does not hold without loss stays a json.Number.
type decoder struct {
	text   []byte
	pos    int
	depth  int
	floats bool            // fractions become float64
	fields map[string]bool // of the outermost object: the only ones that matter; nil for all
	buf    []byte
}

// decode reads the one value of text.
func (d *decoder) decode(text []byte) (any, error) {
	d.text, d.pos, d.depth = text, 0, 0
	v, err := d.value(true)
	if err != nil {
		return nil, err
	}
	if d.space(); d.pos < len(text) {
		return nil, d.fault("the value has ended")
	}
	return v, nil
}

func (d *decoder) fault(what string) error {
	if d.pos >= len(d.text) {
		return nodes.Permanentf("the JSON text ends too early, at offset %d", len(d.text))
	}
	return nodes.Permanentf("the JSON text is wrong at offset %d: %s, got %q", d.pos, what, d.text[d.pos])
}

func (d *decoder) space() {
	for d.pos < len(d.text) {
		switch d.text[d.pos] {
		case ' ', '\t', '\n', '\r':
			d.pos++
		default:
			return
		}
	}
}

// value reads the next value; with keep unset it only goes past it.
func (d *decoder) value(keep bool) (any, error) {
	d.space()
	if d.pos >= len(d.text) {
		return nil, d.fault("")
	}
	switch c := d.text[d.pos]; c {
	case '{', '[':
		if d.depth++; d.depth > maxNesting {
			return nil, nodes.Permanentf("the JSON text is nested deeper than %d at offset %d", maxNesting, d.pos)
		}
		defer func() { d.depth-- }()
		d.pos++
		if c == '{' {
			return d.object(keep)
		}
		return d.array(keep)
	case '"':
		s, err := d.str(keep)
		if !keep {
			return nil, err
		}
		return s, err
	case 't':
		return true, d.word("true")
	case 'f':
		return false, d.word("false")
	case 'n':
		return nil, d.word("null")
	default:
		return d.number(keep)
	}
}

func (d *decoder) word(w string) error {
	for i := range len(w) {
		if d.pos >= len(d.text) || d.text[d.pos] != w[i] {
			return d.fault("want " + w)
		}
		d.pos++
	}
	return nil
}

// more reads what follows an element: a comma, or the closing bracket.
func (d *decoder) more(closing byte) (bool, error) {
	d.space()
	if d.pos < len(d.text) && d.text[d.pos] == ',' {
		d.pos++
		return true, nil
	}
	if d.pos < len(d.text) && d.text[d.pos] == closing {
		d.pos++
		return false, nil
	}
	return false, d.fault("want a comma or " + string(closing))
}

// empty reports whether the bracket that was opened is closed at once.
func (d *decoder) empty(closing byte) bool {
	d.space()
	if d.pos < len(d.text) && d.text[d.pos] == closing {
		d.pos++
		return true
	}
	return false
}

func (d *decoder) array(keep bool) (any, error) {
	var list []any
	if keep {
		list = []any{}
	}
	if d.empty(']') {
		return list, nil
	}
	for {
		v, err := d.value(keep)
		if err != nil {
			return nil, err
		}
		if keep {
			list = append(list, v)
		}
		if more, err := d.more(']'); !more {
			return list, err
		}
	}
}

func (d *decoder) object(keep bool) (any, error) {
	var object map[string]any
	if keep {
		object = map[string]any{}
	}
	chosen := d.depth == 1 && d.fields != nil
	if d.empty('}') {
		return object, nil
	}
	for {
		d.space()
		if d.pos >= len(d.text) || d.text[d.pos] != '"' {
			return nil, d.fault("want a key in quotes")
		}
		key, err := d.str(keep)
		if err != nil {
			return nil, err
		}
		d.space()
		if err := d.word(":"); err != nil {
			return nil, err
		}
		wanted := keep && (!chosen || d.fields[key])
		v, err := d.value(wanted)
		if err != nil {
			return nil, err
		}
		if wanted {
			object[key] = v
		}
		if more, err := d.more('}'); !more {
			return object, err
		}
	}
}

func (d *decoder) str(keep bool) (string, error) {
	start := d.pos
	plain := true
	for d.pos++; d.pos < len(d.text); d.pos++ {
		switch c := d.text[d.pos]; {
		case c == '"':
			d.pos++
			if !keep {
				return "", nil
			}
			if plain {
				return string(d.text[start+1 : d.pos-1]), nil
			}
			d.buf = nodes.AppendUnquoted(d.buf[:0], d.text[start:d.pos])
			return string(d.buf), nil
		case c == '\\':
			plain = false
			if err := d.escape(); err != nil {
				return "", err
			}
		case c < ' ':
			return "", d.fault("a string can't hold a control character")
		}
	}
	return "", d.fault("")
}

// escape goes to the last byte of the escape at pos.
func (d *decoder) escape() error {
	if d.pos++; d.pos >= len(d.text) {
		return d.fault("")
	}
	switch d.text[d.pos] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return nil
	case 'u':
		for range 4 {
			d.pos++
			if d.pos >= len(d.text) || !isHex(d.text[d.pos]) {
				return d.fault(`want four hexadecimal digits after \u`)
			}
		}
		return nil
	}
	return d.fault("no such escape")
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func (d *decoder) digits() error {
	start := d.pos
	for d.pos < len(d.text) && '0' <= d.text[d.pos] && d.text[d.pos] <= '9' {
		d.pos++
	}
	if d.pos == start {
		return d.fault("want a value")
	}
	return nil
}

func (d *decoder) at(set string) bool {
	if d.pos < len(d.text) {
		for i := range len(set) {
			if d.text[d.pos] == set[i] {
				return true
			}
		}
	}
	return false
}

func (d *decoder) number(keep bool) (any, error) {
	start, whole := d.pos, true
	if d.at("-") {
		d.pos++
	}
	if d.at("0") {
		d.pos++
	} else if err := d.digits(); err != nil {
		return nil, err
	}
	if d.at(".") {
		whole = false
		d.pos++
		if err := d.digits(); err != nil {
			return nil, err
		}
	}
	if d.at("eE") {
		whole = false
		d.pos++
		if d.at("+-") {
			d.pos++
		}
		if err := d.digits(); err != nil {
			return nil, err
		}
	}
	if !keep {
		return nil, nil
	}
	s := string(d.text[start:d.pos])
	if whole && s != "-0" {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return int(n), nil
		}
	}
	if !whole && d.floats {
		if x, err := strconv.ParseFloat(s, 64); err == nil {
			return x, nil
		}
	}
	return json.Number(s), nil
}

// check goes through the one value of text without making anything of it.
func (d *decoder) check(text []byte) error {
	d.text, d.pos, d.depth = text, 0, 0
	if _, err := d.value(false); err != nil {
		return err
	}
	if d.space(); d.pos < len(text) {
		return d.fault("the value has ended")
	}
	return nil
}
