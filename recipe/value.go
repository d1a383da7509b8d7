package recipe

import (
	"encoding/json"
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
	switch t {
	case Bool:
		return v.Shape == Boolean
	case Int:
		_, err := strconv.ParseInt(v.Text, 10, 64)
		return v.Shape == Integer && err == nil
	case Float:
		return v.Shape == Integer || v.Shape == Real
	case String, Bytes:
		return v.Shape == Text
	case JSON:
		return true
	}
	elem, ok := t.Elem()
	if !ok || v.Shape != Sequence {
		return false
	}
	for _, item := range v.Items {
		if !item.Is(elem) {
			return false
		}
	}
	return true
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
