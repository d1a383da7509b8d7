//go:build linux

package faults

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// leak finds a value, or a piece of 8 bytes of it, in whatever form it may have been written.
type leak struct {
	first   map[uint64][]window // by the first 8 bytes
	pattern [1 << 16]bool       // of the first 2
}

// window is a piece of a form; all of a form that could give the value away has one.
type window struct{ text, form string }

// piece is how many bytes of a value in a row are a leak.
const piece = 8

// forms are the ways in which a value may be written, with how many characters a piece has there.
func forms(v string) map[string]string {
	js, _ := json.Marshal(v)
	quoted := strconv.Quote(v)
	ascii := strconv.QuoteToASCII(v)
	back := []byte(v)
	slices.Reverse(back)
	var html bytes.Buffer
	json.HTMLEscape(&html, js)
	all := map[string]string{
		"as it is": v, "lower case": strings.ToLower(v), "upper case": strings.ToUpper(v), "reversed": string(back),
		"json": string(js[1 : len(js)-1]), "json in html": html.String(), "quoted": quoted[1 : len(quoted)-1], "ascii": ascii[1 : len(ascii)-1],
		"query": url.QueryEscape(v), "path": url.PathEscape(v), "numbers": strings.Trim(fmt.Sprint([]byte(v)), "[]"), "json numbers": strings.ReplaceAll(strings.Trim(fmt.Sprint([]byte(v)), "[]"), " ", ","),
		"hex": hex.EncodeToString([]byte(v)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(v))), "spaced hex": fmt.Sprintf("% x", v),
	}
	for shift := range 3 { // base64 of what has it somewhere
		text := append(make([]byte, shift), v...)
		whole := len(text) / 3 * 3 // without what depends on the neighbours
		from := (shift*8 + 5) / 6
		all[fmt.Sprint("base64 ", shift)] = base64.StdEncoding.EncodeToString(text[:whole])[from:]
		all[fmt.Sprint("base64url ", shift)] = base64.URLEncoding.EncodeToString(text[:whole])[from:]
	}
	return all
}

// width is how many characters of a form stand for a piece.
func width(form string) int {
	switch {
	case strings.Contains(form, "spaced hex"), strings.Contains(form, "numbers"):
		return 3*piece - 1
	case strings.Contains(strings.ToLower(form), "hex"):
		return 2 * piece
	case strings.HasPrefix(form, "base64"):
		return 10
	}
	return piece
}

func newLeak(value string) *leak {
	l := &leak{first: map[uint64][]window{}}
	for form, text := range forms(value) {
		w := width(form)
		for at := 0; at+w <= len(text); at++ {
			l.add(window{text[at : at+w], form})
		}
	}
	return l
}

func (l *leak) add(w window) {
	key := binary.LittleEndian.Uint64([]byte(w.text))
	if !slices.ContainsFunc(l.first[key], func(o window) bool { return o.text == w.text }) {
		l.first[key] = append(l.first[key], w)
		l.pattern[uint16(key)] = true
	}
}

// in says how and where the value stands in the data, "" where it does not.
func (l *leak) in(data []byte) string { return l.search(data, 2) }

// mostUnpacked bounds what one packed piece of data is unpacked to.
const mostUnpacked = 16 << 20

func (l *leak) search(data []byte, depth int) string {
	for at := 0; at+piece <= len(data); at++ {
		key := binary.LittleEndian.Uint64(data[at:])
		if !l.pattern[uint16(key)] {
			continue
		}
		for _, w := range l.first[key] {
			if bytes.HasPrefix(data[at:], []byte(w.text)) {
				return fmt.Sprintf("%s: %q", w.form, data[max(0, at-120):min(len(data), at+60)])
			}
		}
	}
	for at := 0; depth > 0 && at+4 < len(data); at++ {
		if why := l.search(unpacked(data[at:]), depth-1); why != "" {
			return "packed, " + why
		}
	}
	return ""
}

// unpacked is what a gzip or zlib stream at the beginning of data holds, as far as it goes.
func unpacked(data []byte) []byte {
	var r io.Reader
	var err error
	switch {
	case data[0] == 0x1f && data[1] == 0x8b && data[2] == 8:
		r, err = gzip.NewReader(bytes.NewReader(data))
	case data[0] == 0x78 && (data[1] == 1 || data[1] == 0x5e || data[1] == 0x9c || data[1] == 0xda):
		r, err = zlib.NewReader(bytes.NewReader(data))
	default:
		return nil
	}
	if err != nil {
		return nil
	}
	plain, _ := io.ReadAll(io.LimitReader(r, mostUnpacked))
	return plain
}

// TestLeak finds a value in each form, in the midst of other data, and in none of what others
// write.
func TestLeak(t *testing.T) {
	l := newLeak(canary)
	var noise []byte
	for i := range 1 << 20 {
		noise = append(noise, byte(i*i>>3))
	}
	if why := l.in(append([]byte(decoy+fmt.Sprintf("%x%q", decoy, decoy)+base64.StdEncoding.EncodeToString([]byte(decoy))), noise...)); why != "" {
		t.Errorf("found where it is not: %s", why)
	}
	for form, text := range forms(canary) {
		w := width(form)
		for _, part := range []string{text, text[:w], text[len(text)-w:], text[len(text)/2 : len(text)/2+w]} {
			if l.in([]byte("before "+part+" behind")) == "" {
				t.Errorf("%s: %q is not found", form, part)
			}
		}
	}
	record := []byte(`{"name":"x","value":"` + canary + `"}`)
	for shift := range 3 {
		if l.in([]byte(base64.StdEncoding.EncodeToString(append(make([]byte, shift), record...)))) == "" {
			t.Errorf("it is not found in base64 that begins %d bytes before", shift)
		}
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(record)
	_ = z.Close()
	if l.in(append([]byte("HTTP/1.1 200 OK\r\n\r\n"), packed.Bytes()...)) == "" {
		t.Error("it is not found in what is packed")
	}
	if l.in([]byte(canary[3:3+piece-1])) != "" {
		t.Error("less than a piece is found")
	}
}
