package crypto

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"hash"

	"sluice/nodes"
)

// HMAC makes keyed digests of values.
var HMAC = nodes.Define(nodes.Spec{
	Kind:     "hmac",
	Category: "crypto",
	Summary:  "Makes the keyed digest (HMAC, RFC 2104) of a value's text form",
	Doc: "Values can be shared and compared as keyed digests without being told, as long as the key is secret: write it as " +
		"`${secret:NAME}`, so that it is in no recipe, plan or log.",
	In:  digestIn,
	Out: digestOut,
	Examples: []nodes.Example{
		{
			Doc:    "the second vector of RFC 4231",
			Config: "key: Jefe",
			In:     []any{"what do ya want for nothing?"},
			Out:    []any{"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		},
		{
			Config: "{algorithm: md5, key: Jefe}",
			In:     []any{"what do ya want for nothing?"},
			Out:    []any{"750c783e6ab0b503eaa86e310a5db738"},
		},
		{
			Config: "{algorithm: sha512, key: key}",
			In:     []any{""},
			Out:    []any{"84fa5aa0279bbc473267d05a53ea03310a987cecc4c1535ff29b6d76b8f1444a728df3aadb89d4a9a6709e1998f373566e8f824a8ca93b1821f0b69bc2a2f65e"},
		},
	},
}, newHMAC)

type hmacConfig struct {
	Algorithm string `json:"algorithm" doc:"the digest inside" default:"sha256" enum:"md5|sha1|sha256|sha512"`
	Key       string `json:"key" doc:"the secret key, best given as a secret" min:"1"`
}

func newHMAC(cfg hmacConfig, _ *nodes.Env) (any, error) {
	hashes := map[string]func() hash.Hash{"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}
	newHash, ok := hashes[cfg.Algorithm]
	if !ok {
		return nil, errors.New("algorithm must be md5, sha1, sha256 or sha512")
	}
	if cfg.Key == "" {
		return nil, errors.New("key must not be empty")
	}
	h := hmac.New(newHash, []byte(cfg.Key))
	return &digester{sum: func(dst, text []byte) []byte {
		h.Reset()
		h.Write(text)
		return h.Sum(dst)
	}}, nil
}
