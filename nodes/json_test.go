package nodes

import (
	"encoding/json"
	"strings"
	"testing"
)

// The check agrees with encoding/json, but for the depth.
func FuzzCheckJSON(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,2.5e-3,{"b":null}],"c":"\u00e9\n\"","d":{}}`, `[]`, `[[],{}]`, ` 7 `, `01`, `-`, `-0`, `1.`, `1e`, `1e+5`, `"`, `"\`, `"\u12`,
		`{"a"}`, `{"a":1,}`, `[1,]`, `{} {}`, `tru`, `truex`, "\"a\tb\"", "\"\xff\"", `"12345678\"9"`, ``, `{"a":1]`, `[1}`, `{1:2}`, `[,]`,
		strings.Repeat("[", 1000) + strings.Repeat("]", 1000), strings.Repeat(`{"a":[`, 1000),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		err := CheckJSON(text)
		if want := json.Valid(text); (err == nil) != want && (err == nil || !strings.Contains(err.Error(), "nested deeper")) {
			t.Errorf("%q: got %v, want valid: %v", text, err, want)
		}
		if err != nil && !IsPermanent(err) {
			t.Errorf("%q: %v may pass", text, err)
		}
	})
}

func TestCheckJSONDepth(t *testing.T) {
	for n, want := range map[int]bool{MaxNesting: true, MaxNesting + 1: false, 1_000_000: false} {
		for _, open := range []string{"[", `{"a":`} {
			text := strings.Repeat(open, n) + "1" + strings.Repeat(map[string]string{"[": "]"}[open]+map[string]string{`{"a":`: "}"}[open], n)
			if err := CheckJSON([]byte(text)); (err == nil) != want {
				t.Errorf("%d times %s: got %v, want valid: %v", n, open, err, want)
			}
		}
	}
}

func BenchmarkCheckJSON(b *testing.B) {
	doc := []byte(`{"Image":"C:\\windows\\system32\\svchost.exe","EventID":1,"Message":"` + strings.Repeat("Process Create:\\r\\nRuleName: -\\r\\nUtcTime: 2020-10-09 22:27:49.040\\r\\n", 20) +
		`","tags":["mordorDataset"],"port":53971,"ok":true}`)
	b.Run("here", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		for b.Loop() {
			if CheckJSON(doc) != nil {
				b.Fatal()
			}
		}
	})
	b.Run("encoding_json", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		for b.Loop() {
			if !json.Valid(doc) {
				b.Fatal()
			}
		}
	})
}
