package flow

import (
	"bytes"
	"fmt"
	"strconv"

	"sluice/nodes"
	"sluice/recipe"
)

var countByKind = nodes.Define(nodes.Spec{
	Kind:     "count_by",
	Category: "flow",
	Summary:  "Counts records by a field, or by their value",
	Doc: "When the input ends it emits `{key, count}` for each key, in the order in which the keys first came. " +
		"A record with a new key beyond `max_keys`, or beyond 24 MiB of keys, is given up.",
	Role:  nodes.Ordered,
	In:    []nodes.Port{{Name: "in", Type: recipe.Any, JSONWith: "field", Doc: "what to count; json, when there is a field"}},
	Out:   []nodes.Port{{Name: "out", Type: recipe.JSON, Doc: "objects with key and count"}},
	AtEnd: true,
	Examples: []nodes.Example{
		{In: []any{"root", "admin", "root"}, Out: []any{nodes.JSON(`{"key":"root","count":2}`), nodes.JSON(`{"key":"admin","count":1}`)}},
		{
			Config: "field: src.ip", Dead: []string{"no field src.ip"},
			In:  []any{nodes.JSON(`{"src":{"ip":"::1"}}`), nodes.JSON(`{"src":7}`), nodes.JSON(`{"src":{"ip":"\u003a:1"}}`)},
			Out: []any{nodes.JSON(`{"key":"::1","count":2}`)},
		},
		{
			Config: "max_keys: 1", In: []any{1, 2, 1}, Dead: []string{"more than 1 key"},
			Out: []any{nodes.JSON(`{"key":1,"count":2}`)},
		},
	},
}, newCountBy)

// The number of keys is bounded by what can be emitted at the end: a thousand parts of
// a frame.
type countByConfig struct {
	Field   string `json:"field" doc:"dotted path of the key in json records; without it the value itself" optional:"true"`
	MaxKeys int    `json:"max_keys" doc:"how many keys there may be" default:"100000" min:"1" max:"1000000"`
}

// maxKeyBytes bounds the memory of the keys, and what is emitted at the end.
const maxKeyBytes = 24 << 20

type countBy struct {
	field   *nodes.Field
	max     int
	index   map[string]int
	keys    []counted
	bytes   int
	touched []int // keys that changed since the last delta
	told    int   // keys that the last delta knew
	text    []byte
	plain   []byte
}

type counted struct {
	key     string // as JSON
	count   uint64
	touched bool
}

func newCountBy(c countByConfig, _ *nodes.Env) (any, error) {
	n := &countBy{max: c.MaxKeys, index: map[string]int{}}
	if c.Field != "" {
		f, err := nodes.ParseField(c.Field)
		if err != nil {
			return nil, fmt.Errorf("field: %w", err)
		}
		n.field = &f
	}
	return n, nil
}

// Process implements nodes.Processor.
func (n *countBy) Process(_ *nodes.Call, r nodes.Record) error {
	if n.field != nil {
		value := n.field.Value(r.Bytes())
		if value == nil || r.Type() != recipe.JSON {
			return nodes.Permanentf("the record has no field %s", n.field)
		}
		r = nodes.JSONRecord(value)
	}
	if err := n.keyOf(r); err != nil {
		return err
	}
	i, known := n.index[string(n.text)]
	if !known {
		switch {
		case len(n.keys) >= n.max:
			return nodes.Permanentf("there are more than %d keys, which is max_keys", n.max)
		case n.bytes+len(n.text) > maxKeyBytes:
			return nodes.Permanentf("the keys take more than %d MiB", maxKeyBytes>>20)
		}
		i = n.add(string(n.text))
	}
	k := &n.keys[i]
	k.count++
	if !k.touched {
		k.touched = true
		n.touched = append(n.touched, i)
	}
	return nil
}

// keyOf puts the key into n.text: JSON in one form for each value.
func (n *countBy) keyOf(r nodes.Record) (err error) {
	if raw := r.Bytes(); r.Type() == recipe.JSON && raw[0] == '"' && bytes.IndexByte(raw, '\\') >= 0 {
		n.plain = nodes.AppendText(n.plain[:0], r)
		r = nodes.StringRecord(n.plain)
	}
	n.text, err = nodes.AppendJSON(n.text[:0], r)
	return err
}

func (n *countBy) add(key string) int {
	i := len(n.keys)
	n.index[key] = i
	n.keys = append(n.keys, counted{key: key})
	n.bytes += len(key)
	return i
}

// Finish implements nodes.Finisher.
func (n *countBy) Finish(c *nodes.Call) error {
	for i := range n.keys {
		n.text = append(n.text[:0], `{"key":`...)
		n.text = append(n.text, n.keys[i].key...)
		n.text = append(n.text, `,"count":`...)
		n.text = strconv.AppendUint(n.text, n.keys[i].count, 10)
		n.text = append(n.text, '}')
		c.Emit(nodes.JSONRecord(n.text))
	}
	return nil
}
