package compile

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"unicode/utf8"

	"sluice/nodes"
	"sluice/recipe"
)

// TestKinds are the kinds that the plans of [Cases] need beside the catalogue: given,
// which makes the records of a test, and collect, which keeps in c what arrives. Recipes
// cannot use them.
func TestKinds(c *Collector) []nodes.Kind { return []nodes.Kind{givenKind(), collectKind(c)} }

// Collector keeps what arrives at the expected places of a case. It is safe for use by
// several goroutines.
type Collector struct {
	mu  sync.Mutex
	got map[string][]string
}

// Records returns what arrived at a place, in order, as JSON text in a form that is
// the same for equal records: keys sorted, bytes as text where they are UTF-8 and in
// base64 otherwise.
func (c *Collector) Records(at string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.got[at]
}

func (c *Collector) put(at string, records []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.got == nil {
		c.got = map[string][]string{}
	}
	c.got[at] = records
}

type givenConfig struct {
	Type    string            `json:"type" doc:"type of the records"`
	Records []json.RawMessage `json:"records" doc:"the records"`
}

func givenKind() nodes.Kind {
	return nodes.Define(nodes.Spec{
		Kind: "given", Category: "source", Summary: "Makes the records that a test gives", Role: nodes.Origin,
		Out:       []nodes.Port{{Name: defaultOut, Type: "T", Doc: "the records"}},
		Guarantee: "Reads the same records again.",
	}, func(cfg givenConfig, _ *nodes.Env) (any, error) { return givenSource(cfg), nil })
}

type givenSource givenConfig

// Splits implements nodes.Source.
func (g givenSource) Splits(context.Context) ([]nodes.Split, error) {
	return []nodes.Split{nodes.Split("0")}, nil
}

// Open implements nodes.Source.
func (g givenSource) Open(_ context.Context, _ nodes.Split, offset int64) (nodes.Reader, error) {
	return &givenReader{g, offset}, nil
}

type givenReader struct {
	givenSource
	next int64
}

// Read implements nodes.Reader.
func (r *givenReader) Read(c *nodes.Call) error {
	if r.next >= int64(len(r.Records)) {
		return io.EOF
	}
	rec, err := recordOf(recipe.Type(r.Type), r.Records[r.next])
	r.next++
	if err != nil {
		return nodes.Permanent(err)
	}
	c.Emit(rec)
	return c.Err()
}

// Offset implements nodes.Reader.
func (r *givenReader) Offset() int64 { return r.next }

// Close implements nodes.Reader.
func (r *givenReader) Close() error { return nil }

// recordOf makes a record of type t from JSON.
func recordOf(t recipe.Type, raw json.RawMessage) (nodes.Record, error) {
	var err error
	switch t {
	case recipe.Bool:
		var v bool
		err = json.Unmarshal(raw, &v)
		return nodes.BoolRecord(v), err
	case recipe.Int:
		var v int64
		err = json.Unmarshal(raw, &v)
		return nodes.IntRecord(v), err
	case recipe.Float:
		var v float64
		err = json.Unmarshal(raw, &v)
		return nodes.FloatRecord(v), err
	case recipe.String, recipe.Bytes:
		var v string
		err = json.Unmarshal(raw, &v)
		if t == recipe.Bytes {
			return nodes.BytesRecord([]byte(v)), err
		}
		return nodes.TextRecord(v), err
	case recipe.JSON:
		return nodes.JSONRecord(raw), nil
	}
	// Lists are JSON text inside, and only a batch can make one.
	b := nodes.LoadBatch(t, 1, append(binary.AppendUvarint(nil, uint64(len(raw))), raw...))
	cur := b.Cursor()
	rec, ok := cur.Next()
	if !ok {
		return rec, fmt.Errorf("%s is no record of type %s", raw, t)
	}
	return rec, nil
}

type collectConfig struct {
	At string `json:"at" doc:"the place, as the test calls it"`
}

func collectKind(into *Collector) nodes.Kind {
	return nodes.Define(nodes.Spec{
		Kind: "collect", Category: "sink", Summary: "Keeps what arrives, for a test", Role: nodes.Sink,
		In:        []nodes.Port{{Name: "in", Type: recipe.Any, Doc: "the records"}},
		Guarantee: "Keeps records in memory, of one process.",
	}, func(cfg collectConfig, _ *nodes.Env) (any, error) {
		return &collecting{into: into, at: cfg.At, got: []string{}}, nil
	})
}

type collecting struct {
	into *Collector
	at   string
	got  []string
}

// Process implements nodes.Processor.
func (c *collecting) Process(_ *nodes.Call, r nodes.Record) error {
	if r.Type() == recipe.Bytes && utf8.Valid(r.Bytes()) {
		r = nodes.StringRecord(r.Bytes())
	} else if r.Type() == recipe.String && !utf8.Valid(r.Bytes()) {
		r = nodes.TextRecord("base64:" + base64.StdEncoding.EncodeToString(r.Bytes()))
	}
	raw, err := nodes.AppendJSON(nil, r)
	if err != nil {
		return err
	}
	c.got = append(c.got, canonicalRecord(r.Type(), raw))
	return nil
}

// Seal implements nodes.Sealer.
func (c *collecting) Seal(context.Context) error {
	c.into.put(c.at, c.got)
	return nil
}

// canonicalRecord brings JSON into the one form of equal records.
func canonicalRecord(t recipe.Type, raw json.RawMessage) string {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return string(raw)
	}
	if n, ok := v.(json.Number); ok && t == recipe.Float {
		if x, err := n.Float64(); err == nil {
			return string(nodes.AppendText(nil, nodes.FloatRecord(x)))
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return string(raw)
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}
