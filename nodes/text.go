package nodes

import (
	"encoding/base64"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"sluice/recipe"
)

// AppendText appends the text form of a record: a string as it is, unquoted also when
// it comes from JSON; int decimal; float shortest round trip (2 → 2); bool true or
// false; bytes raw; other JSON compact, keys in input order, numbers as written.
func AppendText(dst []byte, r Record) []byte {
	switch r.typ {
	case recipe.Bool:
		return strconv.AppendBool(dst, r.Bool())
	case recipe.Int:
		return strconv.AppendInt(dst, r.Int(), 10)
	case recipe.Float:
		return appendFloat(dst, r.Float())
	case recipe.String, recipe.Bytes:
		return append(dst, r.raw...)
	}
	if len(r.raw) > 1 && r.raw[0] == '"' {
		return AppendUnquoted(dst, r.raw)
	}
	return AppendCompact(dst, r.raw)
}

// appendFloat writes like strconv's shortest form, with an exponent only where the
// digits would be many.
func appendFloat(dst []byte, x float64) []byte {
	if a := math.Abs(x); a != 0 && (a < 1e-6 || a >= 1e21) && !math.IsInf(x, 0) {
		return strconv.AppendFloat(dst, x, 'e', -1, 64)
	}
	return strconv.AppendFloat(dst, x, 'f', -1, 64)
}

// AppendJSON appends the record as a JSON value: bytes as a base64 string, the rest as
// one would expect. Whatever is written as JSON is UTF-8, so a string that is not, also
// one in a json record, and a number that is not finite are Permanent errors.
func AppendJSON(dst []byte, r Record) ([]byte, error) {
	switch r.typ {
	case recipe.Bool, recipe.Int:
		return AppendText(dst, r), nil
	case recipe.Float:
		if x := r.Float(); math.IsNaN(x) || math.IsInf(x, 0) {
			return dst, Permanentf("JSON has no number %v", x)
		}
		return AppendText(dst, r), nil
	case recipe.String:
		if !utf8.Valid(r.raw) {
			return dst, Permanentf("the string is not UTF-8, which JSON needs")
		}
		return AppendQuoted(dst, r.raw), nil
	case recipe.Bytes:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, r.raw)
		return append(dst, '"'), nil
	}
	if !utf8.Valid(r.raw) {
		return dst, Permanentf("a string in the value is not UTF-8, which JSON needs")
	}
	return AppendCompact(dst, r.raw), nil
}

const hexDigits = "0123456789abcdef"

// AppendQuoted appends UTF-8 text as a JSON string, escaping no more than JSON asks for.
func AppendQuoted(dst, text []byte) []byte {
	dst = append(dst, '"')
	from := 0
	for i, c := range text {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, text[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	dst = append(dst, text[from:]...)
	return append(dst, '"')
}

// AppendCompact appends a JSON text without the white space between its tokens.
func AppendCompact(dst, doc []byte) []byte {
	from, quoted := 0, false
	for i := 0; i < len(doc); i++ {
		c := doc[i]
		switch {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\n' || c == '\t' || c == '\r'):
			dst = append(dst, doc[from:i]...)
			from = i + 1
		}
	}
	return append(dst, doc[from:]...)
}

// AppendUnquoted appends the characters of a JSON string, given with its quotes. Half
// a surrogate pair becomes U+FFFD; bytes that are not UTF-8 stay as they are.
func AppendUnquoted(dst, quoted []byte) []byte {
	s := quoted[1 : len(quoted)-1]
	from := 0
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			continue
		}
		dst = append(dst, s[from:i]...)
		i++
		switch s[i] {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := hexRune(s[i+1:])
			i += 4
			if utf16.IsSurrogate(r) {
				low := rune(-1)
				if i+2 < len(s) && s[i+1] == '\\' && s[i+2] == 'u' {
					low = hexRune(s[i+3:])
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, s[i])
		}
		from = i + 1
	}
	if from < len(s) {
		dst = append(dst, s[from:]...)
	}
	return dst
}

func hexRune(s []byte) rune {
	if len(s) < 4 {
		return -1
	}
	v, err := strconv.ParseUint(string(s[:4]), 16, 32)
	if err != nil {
		return -1
	}
	return rune(v)
}
