package worker

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// pieceForm is how many bytes in a row, out of the midst of a value, are hidden too: a message may
// quote the port of an address, or the field of a token. It is also the least of an encoded
// form: a shorter one stands in too much that is no secret.
const pieceForm = 8

// longestPieced bounds the forms of which pieces are hidden, in bytes: of longer ones, such as
// keys in PEM, messages quote the beginning or all.
const longestPieced = 1024

// codesOf returns what encodings make of a value: hexadecimal, base64 wherever it begins in what
// is encoded, the numbers of its bytes, and the two cases, as host names have them.
func codesOf(v string) []string {
	if len(v) < pieceForm {
		return nil
	}
	low, numbers := hex.EncodeToString([]byte(v)), strings.Trim(fmt.Sprint([]byte(v)), "[]")
	codes := []string{strings.ToLower(v), strings.ToUpper(v), low, strings.ToUpper(low), numbers, strings.ReplaceAll(numbers, " ", ","),
		base64.StdEncoding.EncodeToString([]byte(v)), base64.URLEncoding.EncodeToString([]byte(v))}
	for shift := range 3 {
		text := append(make([]byte, shift), v...)
		from, whole := (shift*8+5)/6, len(text)/3*3 // without the digits that the neighbours have a part in
		for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
			if inside := e.EncodeToString(text[:whole])[from:]; len(inside) >= pieceForm {
				codes = append(codes, inside)
			}
		}
	}
	return codes
}

// maskPieces are all pieces of forms, by their first bytes.
type maskPieces map[[pieceForm]byte][]maskForm

func piecesOf(forms []maskForm) maskPieces {
	pieces := maskPieces{}
	for _, f := range forms {
		if len(f.text) > longestPieced {
			continue
		}
		from := 0
		if at := strings.Index(f.text, "://"); at >= 0 { // every address begins so
			from = at + len("://")
		}
		for ; from+pieceForm <= len(f.text); from++ {
			key := [pieceForm]byte([]byte(f.text[from : from+pieceForm]))
			pieces[key] = append(pieces[key], maskForm{f.text[from:], f.name})
		}
	}
	return pieces
}

// shownAt returns how many bytes of a piece s begins with, and whose it is.
func (p maskPieces) shownAt(s string) (n int, name string) {
	if len(s) < pieceForm {
		return 0, ""
	}
	for _, f := range p[[pieceForm]byte([]byte(s[:pieceForm]))] {
		same := pieceForm
		for same < len(s) && same < len(f.text) && s[same] == f.text[same] {
			same++
		}
		if same > n {
			n, name = same, f.name
		}
	}
	return n, name
}
