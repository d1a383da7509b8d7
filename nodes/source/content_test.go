package source

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

func TestGzipPadding(t *testing.T) {
	one, two := gzipped([]byte("one\n")), gzipped([]byte("two\n"))
	pad := make([]byte, 100_000)
	for name, c := range map[string]struct {
		content []byte
		want    string
		dead    int
	}{
		"padded": {slices.Concat(one, two, pad), "one two", 0}, "one zero": {slices.Concat(one, pad[:1]), "one", 0},
		"more behind": {slices.Concat(one, pad, two), "one", 1}, "no zeros": {slices.Concat(one, []byte("tail")), "one", 1},
	} {
		got, dead, _, err := read(t, map[string][]byte{"f": c.content}, map[string]any{"path": "f"})
		if strings.Join(got, " ") != c.want || len(dead) != c.dead || err != nil {
			t.Errorf("%s: got %q, dead %q, %v", name, got, dead, err)
		}
	}
}

func TestUTF16(t *testing.T) {
	for _, big := range []bool{false, true} {
		var content []byte
		for _, u := range utf16.Encode([]rune("\ufeff{\"a\":\"é😀\"}\r\n{\"b\":1}")) {
			if big {
				content = append(content, byte(u>>8), byte(u))
			} else {
				content = append(content, byte(u), byte(u>>8))
			}
		}
		for format, want := range map[string]string{"lines": `{"a":"é😀"} {"b":1}`, "json_lines": `{"a":"é😀"} {"b":1}`, "text": string(content)} {
			got, dead, _, err := read(t, map[string][]byte{"f": content}, map[string]any{"path": "f", "format": format, "split_bytes": 3})
			if strings.Join(got, " ") != want || len(dead) > 0 || err != nil {
				t.Errorf("%s: got %q, dead %q, %v", format, got, dead, err)
			}
		}
	}
}
