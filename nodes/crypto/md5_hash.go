package crypto

import (
	"crypto/md5"

	"sluice/nodes"
)

// MD5Hash makes the MD5 digest of values.
var MD5Hash = nodes.Define(nodes.Spec{
	Kind:     "md5_hash",
	Category: "crypto",
	Summary:  "Makes the MD5 digest of a value's text form, 32 hexadecimal digits",
	In:       digestIn,
	Out:      digestOut,
	Examples: []nodes.Example{
		{In: []any{"", "hello"}, Out: []any{
			"d41d8cd98f00b204e9800998ecf8427e",
			"5d41402abc4b2a76b9719d911017c592",
		}},
		{Doc: "of a number its digits, of JSON the text", In: []any{int64(42)}, Out: []any{"a1d0c6e83f027327d8461063f4ac58a6"}},
		{In: []any{[]byte{0xff, 0x00}}, Out: []any{"e0e8bfafbb0689563b2fba789c97b3cc"}},
	},
}, newDigester(func(dst, text []byte) []byte {
	sum := md5.Sum(text)
	return append(dst, sum[:]...)
}))
