package recipe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// looksJSON reports whether a text begins as a JSON object does. It may be YAML all the
// same: {"a": b} is.
func looksJSON(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	if bytes.HasPrefix(text, []byte("//")) {
		return true // a comment, as some write them
	}
	if len(text) == 0 || text[0] != '{' {
		return false
	}
	text = bytes.TrimLeft(text[1:], " \t\r\n")
	return len(text) == 0 || strings.IndexByte(`"}/`, text[0]) >= 0
}

// jsonFault returns where a text is not JSON and why, or a nil error.
func jsonFault(text []byte) (Place, error) {
	err := json.Unmarshal(text, new(json.RawMessage))
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return Place{1, 1}, err
	}
	at := int(syntax.Offset) - 1 // the offset counts the byte at fault
	if strings.HasPrefix(syntax.Error(), "unexpected end") {
		at = len(text)
	}
	c := cursor{text: text}
	return c.place(max(at, 0)), err
}

// cursor turns offsets, which must not fall, into places.
type cursor struct {
	text  []byte
	at    int
	lines int // before at
	start int // of the line that at is in
}

func (c *cursor) place(offset int) Place {
	offset = min(offset, len(c.text))
	for ; c.at < offset; c.at++ {
		if c.text[c.at] == '\n' {
			c.lines++
			c.start = c.at + 1
		}
	}
	return Place{c.lines + 1, utf8.RuneCount(c.text[c.start:offset]) + 1}
}

// jsonReader reads valid JSON, and knows the place of each value.
type jsonReader struct {
	p    *parser
	dec  *json.Decoder
	mark cursor
}

func (p *parser) json(text []byte) *Value {
	r := &jsonReader{p: p, dec: json.NewDecoder(bytes.NewReader(text)), mark: cursor{text: text}}
	r.dec.UseNumber()
	return r.value(0)
}

// next returns the next token, which is there because the text is valid, and its place.
func (r *jsonReader) next() (json.Token, Place) {
	start := int(r.dec.InputOffset())
	for start < len(r.mark.text) && strings.IndexByte(" \t\r\n,:", r.mark.text[start]) >= 0 {
		start++
	}
	t, err := r.dec.Token()
	if err != nil {
		t = nil
	}
	return t, r.mark.place(start)
}

func (r *jsonReader) value(depth int) *Value {
	t, at := r.next()
	v := &Value{Place: at}
	switch t := t.(type) {
	case bool:
		v.Shape, v.Text = Boolean, strconv.FormatBool(t)
	case string:
		v.Shape, v.Text = Text, t
	case json.Number:
		v.setNumber(t.String())
	case json.Delim:
		if depth > maxNesting {
			if !r.p.deep {
				r.p.tooDeep(at)
			}
			r.p.deep = true
		}
		if v.Shape = Sequence; t == '{' {
			v.Shape = Mapping
		}
		r.items(v, depth)
	}
	return v
}

func (r *jsonReader) items(v *Value, depth int) {
	seen := map[string]bool{}
	for r.dec.More() {
		if v.Shape == Sequence {
			v.Items = append(v.Items, r.value(depth+1))
			continue
		}
		t, at := r.next()
		name, _ := t.(string) // as all keys of valid JSON
		item := r.value(depth + 1)
		if seen[name] {
			r.p.fault(CodeTwice, at, fmt.Sprintf("the key %s is given twice", clip(name)), "")
			continue
		}
		seen[name] = true
		v.Keys = append(v.Keys, Key{name, at})
		v.Items = append(v.Items, item)
	}
	r.next() // the end
}

// setNumber makes v the number that JSON writes as text: exact, as it was written.
func (v *Value) setNumber(text string) {
	v.Shape, v.Text = Real, text
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		v.Shape, v.Text = Integer, strconv.FormatInt(n, 10)
	} else if _, err := strconv.ParseUint(text, 10, 64); err == nil {
		v.Shape = Integer
	}
}
