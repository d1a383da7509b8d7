package codec

import (
	"bytes"
	"compress/gzip"

	"sluice/nodes"
	"sluice/recipe"
)

// Gzip compresses values.
var Gzip = nodes.Define(nodes.Spec{
	Kind:     "gzip",
	Category: "codec",
	Summary:  "Compresses the text form of a value to the gzip format",
	Doc:      "The header holds neither name nor time: equal values make equal bytes.",
	In:       []nodes.Port{{Name: "in", Type: recipe.Any}},
	Out:      []nodes.Port{{Name: "out", Type: recipe.Bytes}},
	Examples: []nodes.Example{
		{
			In:  []any{"hi"},
			Out: []any{[]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\xca\xc8\x04\x04\x00\x00\xff\xff\xac\x2a\x93\xd8\x02\x00\x00\x00")},
		},
		{
			Doc:    "without compression, the text can be seen",
			Config: "level: 0",
			In:     []any{"hi"},
			Out:    []any{[]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x00\x02\x00\xfd\xffhi\x01\x00\x00\xff\xff\xac\x2a\x93\xd8\x02\x00\x00\x00")},
		},
	},
}, newGzip)

type gzipConfig struct {
	Level int `json:"level" doc:"0 stores, 1 is fast, 9 is small" default:"6" min:"0" max:"9"`
}

type gzipper struct {
	to   *gzip.Writer
	text []byte
	out  bytes.Buffer
}

func newGzip(cfg gzipConfig, _ *nodes.Env) (any, error) {
	to, err := gzip.NewWriterLevel(nil, cfg.Level)
	if err != nil {
		return nil, err
	}
	return &gzipper{to: to}, nil
}

// Process implements nodes.Processor.
func (g *gzipper) Process(c *nodes.Call, r nodes.Record) error {
	g.text = nodes.AppendText(g.text[:0], r)
	g.out.Reset()
	g.to.Reset(&g.out)
	if _, err := g.to.Write(g.text); err != nil {
		return err
	}
	if err := g.to.Close(); err != nil {
		return err
	}
	c.Emit(nodes.BytesRecord(g.out.Bytes()))
	g.text = small(g.text)
	if g.out.Cap() > recipe.InlineBytes {
		g.out = bytes.Buffer{}
	}
	return nil
}
