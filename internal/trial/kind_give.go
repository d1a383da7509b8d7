package trial

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"

	"sluice/nodes"
	"sluice/recipe"
)

var giveKind = nodes.Define(nodes.Spec{
	Kind: "give", Category: "source", Summary: "Makes the records of a test", Role: nodes.Origin,
	Out: []nodes.Port{{Name: "out", Type: "T", Doc: "the records"}},
	By: map[string]nodes.TypeBy{"T": {Setting: "type", Else: recipe.String, Types: map[string]recipe.Type{
		"bool": recipe.Bool, "int": recipe.Int, "float": recipe.Float, "bytes": recipe.Bytes, "json": recipe.JSON,
		"list<string>": recipe.List(recipe.String), "list<int>": recipe.List(recipe.Int),
	}}},
	Guarantee: "Reads the same records again.",
}, newGive)

type giveConfig struct {
	Type    string `json:"type" doc:"type of the records"`
	Records string `json:"records" doc:"the records, as a frame has them, in base64" optional:"true"`
	Count   int    `json:"count" doc:"how many there are" default:"0"`
}

type give struct {
	typ   recipe.Type
	count int
	data  []byte
}

func newGive(c giveConfig, _ *nodes.Env) (any, error) {
	data, err := base64.StdEncoding.DecodeString(c.Records)
	return give{recipe.Type(c.Type), c.Count, data}, err
}

// Splits implements nodes.Source.
func (g give) Splits(context.Context) ([]nodes.Split, error) {
	return []nodes.Split{json.RawMessage("0")}, nil
}

// Open implements nodes.Source.
func (g give) Open(_ context.Context, _ nodes.Split, offset int64) (nodes.Reader, error) {
	b := nodes.LoadBatch(g.typ, g.count, g.data)
	r := &giveReader{cur: b.Cursor()}
	for r.at < offset {
		r.cur.Next()
		r.at++
	}
	return r, nil
}

type giveReader struct {
	cur nodes.Cursor
	at  int64
}

// Read implements nodes.Reader.
func (r *giveReader) Read(c *nodes.Call) error {
	rec, ok := r.cur.Next()
	if !ok {
		return io.EOF
	}
	r.at++
	c.Emit(rec)
	return nil
}

// Offset implements nodes.Reader.
func (r *giveReader) Offset() int64 { return r.at }

// Close implements nodes.Reader.
func (r *giveReader) Close() error { return nil }
