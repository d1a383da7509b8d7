package codec

import (
	"bytes"
	"compress/gzip"
	"io"

	"sluice/nodes"
	"sluice/recipe"
)

// Gunzip decompresses gzip data.
var Gunzip = nodes.Define(nodes.Spec{
	Kind:     "gunzip",
	Category: "codec",
	Summary:  "Decompresses gzip data",
	Doc: "Several gzip members one after the other are one value, as for the gzip program. Damaged data, and data that " +
		"would become more than a record may have (16 MiB), makes the record a dead letter; memory stays within that bound.",
	In:      []nodes.Port{{Name: "in", Type: recipe.Any, Doc: "bytes, or a string that holds such bytes"}},
	Out:     []nodes.Port{{Name: "out", Type: recipe.Bytes}},
	Expands: true,
	Examples: []nodes.Example{
		{
			In:  []any{[]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\xca\xc8\x04\x04\x00\x00\xff\xff\xac\x2a\x93\xd8\x02\x00\x00\x00")},
			Out: []any{[]byte("hi")},
		},
		{
			Doc:  "no gzip data, data cut short, and a wrong checksum",
			In:   []any{[]byte("hello"), []byte("\x1f\x8b\x08\x00\x00"), []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\xca\xc8\x04\x04\x00\x00\xff\xff\xad\x2a\x93\xd8\x02\x00\x00\x00")},
			Dead: []string{"not gzip", "not gzip", "checksum"},
		},
	},
}, func(struct{}, *nodes.Env) (any, error) { return &gunzip{}, nil })

type gunzip struct {
	from gzip.Reader
	text []byte
	in   bytes.Reader
	out  bytes.Buffer
}

// Process implements nodes.Processor.
func (g *gunzip) Process(c *nodes.Call, r nodes.Record) error {
	g.text = nodes.AppendText(g.text[:0], r)
	g.in.Reset(g.text)
	g.out.Reset()
	if err := g.from.Reset(&g.in); err != nil {
		return nodes.Permanentf("the data of %d bytes is not gzip: %w", len(g.text), whole(err))
	}
	n, err := g.out.ReadFrom(io.LimitReader(&g.from, recipe.MaxRecord+1))
	if n > recipe.MaxRecord {
		err = nodes.Permanentf("the data of %d bytes decompresses to more than %d; a record may not have more", len(g.text), recipe.MaxRecord)
	} else if err != nil {
		err = nodes.Permanentf("the gzip data is damaged after %d bytes of text: %w", n, whole(err))
	} else {
		c.Emit(nodes.BytesRecord(g.out.Bytes()))
	}
	g.text = small(g.text)
	if g.out.Cap() > recipe.InlineBytes {
		g.out = bytes.Buffer{}
	}
	return err
}

// whole says of an end that it came too early: the data is all there is.
func whole(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
