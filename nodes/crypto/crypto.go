// Package crypto holds the kinds that make digests: of the text form of any value, as
// lower-case hexadecimal digits. Nothing here keeps a value secret; md5 and sha1 are
// for names that others know, such as indicators of compromise.
//
// Start reading at [Kinds].
package crypto

import (
	"encoding/hex"

	"sluice/nodes"
	"sluice/recipe"
)

// Kinds is the table of this category.
var Kinds = []nodes.Kind{
	HMAC,
	MD5Hash,
	SHA1Hash,
	SHA256Hash,
	SHA512Hash,
}

var (
	digestIn  = []nodes.Port{{Name: "in", Type: recipe.Any}}
	digestOut = []nodes.Port{{Name: "out", Type: recipe.String, Doc: "hexadecimal digits"}}
)

// digester is the behaviour of all kinds here. It makes no garbage.
type digester struct {
	sum       func(dst, text []byte) []byte
	text, out []byte
	binary    []byte
}

// Process implements nodes.Processor.
func (d *digester) Process(c *nodes.Call, r nodes.Record) error {
	text := r.Bytes()
	if r.Type() != recipe.String {
		d.text = nodes.AppendText(d.text[:0], r)
		text = d.text
	}
	d.binary = d.sum(d.binary[:0], text)
	d.out = hex.AppendEncode(d.out[:0], d.binary)
	c.Emit(nodes.StringRecord(d.out))
	if cap(d.text) > recipe.InlineBytes {
		d.text = nil
	}
	return nil
}

func newDigester(sum func(dst, text []byte) []byte) func(struct{}, *nodes.Env) (any, error) {
	return func(struct{}, *nodes.Env) (any, error) { return &digester{sum: sum}, nil }
}
