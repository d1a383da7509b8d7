package recipe

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// Shape is the sort of a [Value].
type Shape int

// The shapes of values.
const (
	Null Shape = iota
	Boolean
	Integer
	Real
	Text
	Sequence
	Mapping
)

// String returns what a diagnostic calls a value of that shape.
func (s Shape) String() string {
	return [...]string{"nothing", "true or false", "a whole number", "a number", "a text", "a list", "a map"}[s]
}

// Value is a part of a document as it was written, with its place: what settings and
// parameters are until the compiler knows what they should be. Values are shared and
// must not be changed.
type Value struct {
	Shape Shape
	Text  string   // of a text: its content; of a number or a boolean: as JSON writes it
	Items []*Value // of a sequence; of a mapping, the values in the order of Keys
	Keys  []Key
	Place
}

// Key is a key of a mapping and its place.
type Key struct {
	Name string
	Place
}

// Place is a place in a document's text, from 1.
type Place struct{ Line, Col int }

// Field returns the value under a key of a mapping, or nil.
func (v *Value) Field(name string) *Value {
	if v != nil {
		for i, k := range v.Keys {
			if k.Name == name {
				return v.Items[i]
			}
		}
	}
	return nil
}

// AppendJSON appends the value as compact JSON, keys in the order they were written.
func (v *Value) AppendJSON(b []byte) []byte {
	if v == nil {
		return append(b, "null"...)
	}
	switch v.Shape {
	case Null:
		return append(b, "null"...)
	case Text:
		return appendText(b, v.Text)
	case Sequence:
		b = append(b, '[')
		for i, item := range v.Items {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.AppendJSON(b)
		}
		return append(b, ']')
	case Mapping:
		b = append(b, '{')
		for i, item := range v.Items {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendText(b, v.Keys[i].Name), ':')
			b = item.AppendJSON(b)
		}
		return append(b, '}')
	}
	return append(b, v.Text...)
}

// MarshalJSON encodes the value as AppendJSON does.
func (v *Value) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil), nil }

// String returns the value's text form: a text as it is, anything else as JSON.
func (v *Value) String() string {
	if v != nil && v.Shape == Text {
		return v.Text
	}
	return string(v.AppendJSON(nil))
}

// Is reports whether the value can stand for a record or parameter of the concrete
// type t: whole numbers stand for floats too, texts for bytes, anything for json.
func (v *Value) Is(t Type) bool {
	_, what := v.Unlike(t)
	return what == ""
}

// Unlike returns what the value is that cannot stand for the concrete type t, and the
// place of what spoils it: "a text", "a list whose item 3 is a text"; "" when it can.
func (v *Value) Unlike(t Type) (Place, string) {
	switch t {
	case Bool:
		return v.unless(v.Shape == Boolean)
	case Int:
		if _, err := strconv.ParseInt(v.Text, 10, 64); v.Shape == Integer && err != nil {
			return v.Place, clip(v.Text) + ", which passes 64 bit"
		}
		return v.unless(v.Shape == Integer)
	case Float:
		number := v.Shape == Integer || v.Shape == Real
		if _, err := strconv.ParseFloat(v.Text, 64); number && err != nil {
			return v.Place, clip(v.Text) + ", which passes 64 bit"
		}
		return v.unless(number)
	case String, Bytes:
		return v.unless(v.Shape == Text)
	case JSON:
		return v.unless(true)
	}
	elem, ok := t.Elem()
	if !ok || v.Shape != Sequence {
		return v.unless(false)
	}
	for i, item := range v.Items {
		if at, what := item.Unlike(elem); what != "" {
			return at, fmt.Sprintf("a list whose item %d is %s", i+1, what)
		}
	}
	return v.unless(true)
}

func (v *Value) unless(ok bool) (Place, string) {
	if ok {
		return v.Place, ""
	}
	return v.Place, v.Shape.String()
}

// appendText appends s as a JSON string, without HTML escapes.
func appendText(b []byte, s string) []byte {
	plain := true
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			plain = false
			break
		}
	}
	if plain {
		return append(append(append(b, '"'), s...), '"')
	}
	var w textBuffer
	e := json.NewEncoder(&w)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return append(b, w[:len(w)-1]...)
}

type textBuffer []byte

func (t *textBuffer) Write(p []byte) (int, error) {
	*t = append(*t, p...)
	return len(p), nil
}
