package data

import (
	"bytes"
	"encoding/json"
	"strconv"

	"sluice/nodes"
)

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

func (d *decoder) fault(what string) error { return nodes.JSONFault(d.text, d.pos, what) }

func (d *decoder) space() { d.pos = nodes.SkipJSONSpace(d.text, d.pos) }

// value reads the next value; with keep unset it only goes past it.
func (d *decoder) value(keep bool) (any, error) {
	d.space()
	if d.pos >= len(d.text) {
		return nil, d.fault("")
	}
	switch c := d.text[d.pos]; c {
	case '{', '[':
		if d.depth++; d.depth > nodes.MaxNesting {
			return nil, nodes.Permanentf("the JSON text is nested deeper than %d at offset %d", nodes.MaxNesting, d.pos)
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
		key, err := d.quoted()
		if err != nil {
			return nil, err
		}
		d.space()
		if err := d.word(":"); err != nil {
			return nil, err
		}
		wanted := keep && (!chosen || d.chosen(key))
		v, err := d.value(wanted)
		if err != nil {
			return nil, err
		}
		if wanted {
			object[d.unquoted(key)] = v
		}
		if more, err := d.more('}'); !more {
			return object, err
		}
	}
}

func (d *decoder) str(keep bool) (string, error) {
	quoted, err := d.quoted()
	if err != nil || !keep {
		return "", err
	}
	return d.unquoted(quoted), nil
}

// quoted reads a string and returns it as it stands.
func (d *decoder) quoted() ([]byte, error) {
	start := d.pos
	end, err := nodes.SkipJSONString(d.text, start)
	d.pos = end
	return d.text[start:end], err
}

func (d *decoder) unquoted(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	d.buf = nodes.AppendUnquoted(d.buf[:0], quoted)
	return string(d.buf)
}

// chosen reports whether a key is among the fields that matter, without making a string
// of it where it has no escapes.
func (d *decoder) chosen(quoted []byte) bool {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return d.fields[string(quoted[1:len(quoted)-1])]
	}
	return d.fields[d.unquoted(quoted)]
}

func (d *decoder) number(keep bool) (any, error) {
	start := d.pos
	end, whole, err := nodes.SkipJSONNumber(d.text, start)
	d.pos = end
	if err != nil || !keep {
		return nil, err
	}
	s := string(d.text[start:end])
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
