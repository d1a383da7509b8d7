package flow

import (
	"bytes"

	"sluice/nodes"
	"sluice/recipe"
)

var splitKind = nodes.Define(nodes.Spec{
	Kind:     "split",
	Category: "flow",
	Summary:  "Cuts a string at a separator into several",
	Doc:      "A string without the separator passes as it is. Empty pieces are records too.",
	In:       []nodes.Port{{Name: "in", Type: recipe.String, Doc: "what to cut"}},
	Out:      []nodes.Port{{Name: "out", Type: recipe.String, Doc: "the pieces, in order"}},
	Expands:  true,
	Examples: []nodes.Example{
		{Config: `separator: ","`, In: []any{"10.0.0.1,10.0.0.2", "10.0.0.3"}, Out: []any{"10.0.0.1", "10.0.0.2", "10.0.0.3"}},
		{Doc: "Empty pieces stay", Config: `separator: "; "`, In: []any{"a; ; b; ", ""}, Out: []any{"a", "", "b", "", ""}},
		{
			Doc: "Inside records, each piece makes a record", Config: `separator: "|"`, Field: "ips", Into: "ip",
			In:  []any{nodes.JSON(`{"id":7,"ips":"::1|::2"}`)},
			Out: []any{nodes.JSON(`{"id":7,"ips":"::1|::2","ip":"::1"}`), nodes.JSON(`{"id":7,"ips":"::1|::2","ip":"::2"}`)},
		},
	},
}, newSplit)

type splitConfig struct {
	Separator string `json:"separator" doc:"text between the pieces" min:"1" max:"1024"`
}

type split struct{ separator []byte }

func newSplit(c splitConfig, _ *nodes.Env) (any, error) {
	return &split{[]byte(c.Separator)}, nil
}

// Process implements nodes.Processor.
func (s *split) Process(c *nodes.Call, r nodes.Record) error {
	rest := r.Bytes()
	for {
		piece, after, found := bytes.Cut(rest, s.separator)
		c.Emit(nodes.StringRecord(piece))
		if !found {
			return nil
		}
		rest = after
	}
}
