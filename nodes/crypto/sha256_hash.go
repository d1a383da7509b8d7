package crypto

import (
	"crypto/sha256"

	"sluice/nodes"
)

// SHA256Hash makes the SHA-256 digest of values.
var SHA256Hash = nodes.Define(nodes.Spec{
	Kind:     "sha256_hash",
	Category: "crypto",
	Summary:  "Makes the SHA-256 digest of a value's text form, 64 hexadecimal digits",
	In:       digestIn,
	Out:      digestOut,
	Examples: []nodes.Example{
		{In: []any{"", "hello"}, Out: []any{
			"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
			"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
		}},
		{Doc: "of a number its digits, of JSON the text", In: []any{int64(42)}, Out: []any{"73475cb40a568e8da8a045ced110137e159f890ac4da883b6b17dc651b3a8049"}},
		{In: []any{[]byte{0xff, 0x00}}, Out: []any{"ea5dbf9596d187e9500f23e9a680109475341cf4e81f7e043f7d97152c10772f"}},
	},
}, newDigester(func(dst, text []byte) []byte {
	sum := sha256.Sum256(text)
	return append(dst, sum[:]...)
}))
