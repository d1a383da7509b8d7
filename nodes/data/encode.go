package data

import (
	"encoding/json"
	"maps"
	"math"
	"math/big"
	"reflect"
	"slices"
	"unicode/utf8"

	"sluice/nodes"
	"sluice/recipe"
)

// encoder writes Go values as JSON: keys in the order of their names, no white space,
// nothing escaped that need not be.
type encoder struct {
	buf      []byte
	jqFloats bool // NaN becomes null and infinity the largest number, as jq has it
	depth    int
}

// encode returns v as JSON, valid until the next call.
func (e *encoder) encode(v any) ([]byte, error) {
	if cap(e.buf) > recipe.InlineBytes {
		e.buf = nil
	}
	e.buf, e.depth = e.buf[:0], 0
	err := e.append(v)
	return e.buf, err
}

func (e *encoder) append(v any) error {
	// A value may hold the same part many times, so its text has no natural bound.
	if len(e.buf) > recipe.MaxRecord {
		return nodes.Permanentf("the result is longer than %d bytes; a record may not be", recipe.MaxRecord)
	}
	switch v := v.(type) {
	case nil:
		e.buf = append(e.buf, "null"...)
	case bool:
		e.buf = nodes.AppendText(e.buf, nodes.BoolRecord(v))
	case int:
		e.buf = nodes.AppendText(e.buf, nodes.IntRecord(int64(v)))
	case int64:
		e.buf = nodes.AppendText(e.buf, nodes.IntRecord(v))
	case float64:
		return e.float(v)
	case json.Number:
		e.buf = append(e.buf, v...)
	case *big.Int:
		e.buf = v.Append(e.buf, 10)
	case string:
		e.buf = nodes.AppendQuoted(e.buf, []byte(v))
	case []any:
		return e.list(v)
	case map[string]any:
		return e.object(v)
	default:
		return e.other(v)
	}
	return nil
}

func (e *encoder) float(x float64) error {
	if e.jqFloats {
		switch {
		case math.IsNaN(x):
			return e.append(nil)
		case math.IsInf(x, 0):
			x = math.Copysign(math.MaxFloat64, x)
		}
	}
	var err error
	e.buf, err = nodes.AppendJSON(e.buf, nodes.FloatRecord(x))
	return err
}

func (e *encoder) deeper() error {
	if e.depth++; e.depth > nodes.MaxNesting {
		return nodes.Permanentf("the result is nested deeper than %d", nodes.MaxNesting)
	}
	return nil
}

func (e *encoder) list(list []any) error {
	if err := e.deeper(); err != nil {
		return err
	}
	e.buf = append(e.buf, '[')
	for i, v := range list {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		if err := e.append(v); err != nil {
			return err
		}
	}
	e.buf = append(e.buf, ']')
	e.depth--
	return nil
}

func (e *encoder) object(object map[string]any) error {
	if err := e.deeper(); err != nil {
		return err
	}
	e.buf = append(e.buf, '{')
	for i, key := range slices.Sorted(maps.Keys(object)) {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		e.buf = nodes.AppendQuoted(e.buf, []byte(key))
		e.buf = append(e.buf, ':')
		if err := e.append(object[key]); err != nil {
			return err
		}
	}
	e.buf = append(e.buf, '}')
	e.depth--
	return nil
}

// objectOf makes an object of a map with keys of any sort, as groupBy has: a key is its
// text form.
func objectOf(m reflect.Value) (map[string]any, error) {
	object := make(map[string]any, m.Len())
	for it := m.MapRange(); it.Next(); {
		var key string
		switch k := it.Key().Interface().(type) {
		case string:
			key = k
		default:
			text, err := new(encoder).encode(k)
			if err != nil {
				return nil, err
			}
			key = string(text)
		}
		if _, twice := object[key]; twice {
			return nil, nodes.Permanentf("two keys of the result have the text %.60q", key)
		}
		object[key] = it.Value().Interface()
	}
	return object, nil
}

// other writes what expressions can make beside the values of JSON: dates, typed lists,
// maps with keys that are no strings.
func (e *encoder) other(v any) error {
	if m := reflect.ValueOf(v); m.Kind() == reflect.Map {
		object, err := objectOf(m)
		if err != nil {
			return err
		}
		return e.object(object)
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nodes.Permanentf("the result of type %T can't be written as JSON: %w", v, err)
	}
	if !utf8.Valid(text) {
		return nodes.Permanentf("the result of type %T is not UTF-8", v)
	}
	e.buf = append(e.buf, text...)
	return nil
}
