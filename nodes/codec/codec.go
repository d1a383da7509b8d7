// Package codec holds the kinds that change the notation of a value and back: base64,
// hex, percent-encoding, gzip.
//
// Strings may hold any bytes, so the textual codecs go from string to string; what
// comes out of gzip is of type bytes. Start reading at [Kinds].
package codec

import (
	"sluice/nodes"
	"sluice/recipe"
)

// Kinds is the table of this category.
var Kinds = []nodes.Kind{
	FromBase64,
	FromHex,
	Gunzip,
	Gzip,
	ToBase64,
	ToHex,
	URLDecode,
	URLEncode,
}

// rewriter is the behaviour of the kinds that make one string of each record's text.
type rewriter struct {
	rewrite   func(dst, text []byte) ([]byte, error)
	text, out []byte
}

// Process implements nodes.Processor.
func (n *rewriter) Process(c *nodes.Call, r nodes.Record) error {
	text := r.Bytes()
	if r.Type() != recipe.String {
		n.text = nodes.AppendText(n.text[:0], r)
		text = n.text
	}
	out, err := n.rewrite(n.out[:0], text)
	if err != nil {
		return err
	}
	c.Emit(nodes.StringRecord(out))
	n.out, n.text = small(out), small(n.text)
	return nil
}

// small returns the buffer for the next record, or nil for one too large to be kept.
func small(b []byte) []byte {
	if cap(b) > recipe.InlineBytes {
		return nil
	}
	return b
}
