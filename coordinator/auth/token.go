package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"strings"
)

// A token is slu_PREFIX_SECRET: 12 letters and digits by which the key is found, and 256 bits
// in base64url. It is recognised by its beginning where it was pasted by mistake.
const (
	tokenStart = "slu_"
	prefixSize = 12
	secretSize = 32
)

// longestToken bounds what is read of a token, in bytes; of an identity provider's too.
const longestToken = 16 << 10

var prefixText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// strict takes one spelling of each secret only.
var strict = base64.RawURLEncoding.Strict()

// newToken makes a token. The system's generator never fails; see crypto/rand.
func newToken() (prefix, token string, digest [sha256.Size]byte) {
	var id [8]byte
	var secret [secretSize]byte
	rand.Read(id[:])
	rand.Read(secret[:])
	prefix = prefixText.EncodeToString(id[:])[:prefixSize]
	return prefix, tokenStart + prefix + "_" + strict.EncodeToString(secret[:]), sha256.Sum256(secret[:])
}

// parseToken takes a token apart.
func parseToken(token string) (prefix string, digest [sha256.Size]byte, ok bool) {
	rest, found := strings.CutPrefix(token, tokenStart)
	prefix, text, cut := strings.Cut(rest, "_")
	if !found || !cut || !isPrefix(prefix) || len(text) != strict.EncodedLen(secretSize) {
		return "", digest, false
	}
	secret, err := strict.DecodeString(text)
	if err != nil || len(secret) != secretSize {
		return "", digest, false
	}
	return prefix, sha256.Sum256(secret), true
}

func isPrefix(s string) bool {
	return len(s) == prefixSize && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// PrefixOf returns the prefix that a key's token shows, "" for what is no such token. It says
// nothing of whether there is such a key; the audit log has it of those that were refused.
func PrefixOf(token string) string {
	prefix, _, _ := parseToken(token)
	return prefix
}
