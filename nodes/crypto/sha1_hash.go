package crypto

import (
	"crypto/sha1"

	"sluice/nodes"
)

// SHA1Hash makes the SHA-1 digest of values.
var SHA1Hash = nodes.Define(nodes.Spec{
	Kind:     "sha1_hash",
	Category: "crypto",
	Summary:  "Makes the SHA-1 digest of a value's text form, 40 hexadecimal digits",
	In:       digestIn,
	Out:      digestOut,
	Examples: []nodes.Example{
		{In: []any{"", "hello"}, Out: []any{
			"da39a3ee5e6b4b0d3255bfef95601890afd80709",
			"aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d",
		}},
		{Doc: "of a number its digits, of JSON the text", In: []any{int64(42)}, Out: []any{"92cfceb39d57d914ed8b14d0e37643de0797ae56"}},
		{In: []any{[]byte{0xff, 0x00}}, Out: []any{"da33e41954997c24ad31f6c1845e18510b384f67"}},
	},
}, newDigester(func(dst, text []byte) []byte {
	sum := sha1.Sum(text)
	return append(dst, sum[:]...)
}))
