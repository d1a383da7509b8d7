package crypto

import (
	"crypto/sha512"

	"sluice/nodes"
)

// SHA512Hash makes the SHA-512 digest of values.
var SHA512Hash = nodes.Define(nodes.Spec{
	Kind:     "sha512_hash",
	Category: "crypto",
	Summary:  "Makes the SHA-512 digest of a value's text form, 128 hexadecimal digits",
	In:       digestIn,
	Out:      digestOut,
	Examples: []nodes.Example{
		{In: []any{"", "hello"}, Out: []any{
			"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
			"9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca72323c3d99ba5c11d7c7acc6e14b8c5da0c4663475c2e5c3adef46f73bcdec043",
		}},
		{Doc: "of a number its digits, of JSON the text", In: []any{int64(42)}, Out: []any{"39ca7ce9ecc69f696bf7d20bb23dd1521b641f806cc7a6b724aaa6cdbffb3a023ff98ae73225156b2c6c9ceddbfc16f5453e8fa49fc10e5d96a3885546a46ef4"}},
		{In: []any{[]byte{0xff, 0x00}}, Out: []any{"823ff44c829aa3b7ca7926fb0f864f86b2a8e4ea4b4b3f2da6e25e7df5985a1eaa6bbb40460de1e6703b9405f7c0a0f3ceb20ede771d4241d55bd4b6f459f464"}},
	},
}, newDigester(func(dst, text []byte) []byte {
	sum := sha512.Sum512(text)
	return append(dst, sum[:]...)
}))
