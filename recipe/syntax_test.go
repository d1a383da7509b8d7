package recipe_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice/recipe"
)

// TestSyntaxFaults: what cannot be read is told at its place, and with a hint where a
// usual slip is behind it.
func TestSyntaxFaults(t *testing.T) {
	var many strings.Builder
	many.WriteString("nodes:\n")
	for i := range 30 {
		fmt.Fprintf(&many, "  n%d: {kind: stdin}\n", i)
	}
	for _, row := range []struct{ text, want string }{
		{many.String() + "   bad: {kind: stdin}\n", "f:32:4: SL001: the text is not YAML: the line is indented by 3, which fits no line above; indent with spaces, not tabs, as its neighbours are"},
		{"nodes:\n  a:\n    kind: b\n    from: |\n         text\n       more\n   c: d\n", "f:7:4: SL001: the text is not YAML: the line is indented by 3, which fits no line above; indent with spaces, not tabs, as its neighbours are"},
		{"a: 1\nb:\n  - x: 1\n    y: 2\n   z: 3\n", "f:5:4: SL001: the text is not YAML: the line is indented by 3, which fits no line above; indent with spaces, not tabs, as its neighbours are"},
		{"a: 1\nb: 2\nc: x\xffy\n", "f:3:5: SL001: the text is not UTF-8; save it as UTF-8"},
		{"a: 1\nb: é\x07\n", `f:2:5: SL001: the text is not YAML: it has the control character U+0007; write it as "\u0007"`},
		{"a:\n\t- b\n", "f:2:1: SL001: the text is not YAML: found character that cannot start any token; indent with spaces, not tabs"},
		{"a: 1\nb: [a-z]+\n", "f:2:9: SL001: the text is not YAML: did not find expected key; quote the text"},
		{"a: 1\nb: {c: [a-z]+}\n", "f:2:13: SL001: the text is not YAML: did not find expected ',' or '}'; quote the text"},
		{"a: {b: é, c: ${n}}\n", "f:1:14: SL001: the text is not YAML: did not find expected ',' or '}'; quote ${…}"},
		{"a: {b: '{x: ${m}}',\n  c: ${n}}\n", "f:2:6: SL001: the text is not YAML: did not find expected ',' or '}'; quote ${…}"},
		{"a:\n  b: ${m}\n c: d\n", "f:3:2: SL001: the text is not YAML: the line is indented by 1, which fits no line above; indent with spaces, not tabs, as its neighbours are"},
		{"a: {b: 'é', c: out/é${n}.txt}\n", "f:1:21: SL001: the text is not YAML: did not find expected ',' or '}'; quote ${…}"},
		{"a: {b: 'é', c: *foo*}\n", "f:1:16: SL001: the text is not YAML: did not find expected alphabetic or numeric character; quote the text"},
		{"a:\n  b: *.log\n", "f:2:6: SL001: the text is not YAML: did not find expected alphabetic or numeric character; quote the text"},
		{"a: {b: *foo}\n", "f:1:8: SL001: the text is not YAML: the alias *foo has no anchor; quote the text"},
		{"a: {b: 'x: y: z',\n  c: .*user: .*}\n", "f:2:6: SL001: the text is not YAML: did not find expected ',' or '}'; a comma is missing, or a text that has a colon and a blank in it needs quotes"},
		{"a: {b: 'é' c: 1}\n", "f:1:8: SL001: the text is not YAML: did not find expected ',' or '}'; a comma is missing, or a text that has a colon and a blank in it needs quotes"},
		{"a: @b\n", "f:1:4: SL001: the text is not YAML: found character that cannot start any token; quote the text"},
		{"a: \"\\d\"\n", `f:1:1: SL001: the text is not YAML: found unknown escape character; write the text in single quotes, where \ stands for itself`},
		{"a: b: c\n", "f:1:1: SL001: the text is not YAML: mapping values are not allowed in this context; put a text that has a colon and a blank in it in quotes"},
		{"a: 010\n", "f:1:4: SL005: 010 begins with 0, which some read as a number with the base 8; write 10, or put a text in quotes"},
		{"{\"a\": 1,\n \"b\": \"x\" \"y\"}\n", "f:2:11: SL001: the text is not JSON: invalid character '\"' after object key:value pair"},
		{"{\"é\": 1 \"b\": 2}\n", "f:1:9: SL001: the text is not JSON: invalid character '\"' after object key:value pair"},
		{"{\"a\": {\"b\": 1}\n", "f:2:1: SL001: the text is not JSON: unexpected end of JSON input"},
		{"// c\n{\"a\": 1}", "f:1:1: SL001: the text is not JSON: invalid character '/' looking for beginning of value; JSON has no comments; YAML has, after #"},
		{"{\n// c\n\"a\": 1}", "f:2:1: SL001: the text is not JSON: invalid character '/' looking for beginning of object key string; JSON has no comments; YAML has, after #"},
		{"{\"a\": 1, \"a\": 2}", "f:1:10: SL004: the key a is given twice"},
		{`{"a": ` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "}", "f:1:107: SL002: the document is nested more than 100 levels deep"},
	} {
		if _, faults := recipe.ParseValue("f", []byte(row.text)); faults.Error() != row.want {
			t.Errorf("%q\ngot  %v\nwant %s", row.text, faults, row.want)
		}
	}
}

// TestJSON: whatever is JSON is read, also what YAML would not take.
func TestJSON(t *testing.T) {
	long := strings.Repeat("k", 1100)
	for text, want := range map[string]string{
		"{\"nodes\"\n:{}}":                        `{"nodes":{}}`,
		"{\"a\": \"x\x7fy\"}":                     "{\"a\":\"x\x7fy\"}",
		`{"` + long + `": 1}`:                     `{"` + long + `":1}`,
		`{"a": "\ud83d"}`:                         `{"a":"` + "\ufffd" + `"}`,
		"\ufeff{\"a\": \"b\\/c \\ud83d\\ude00\"}": `{"a":"b/c 😀"}`,
		`{"a": [1, -0, 1.50, 1e999, 18446744073709551615, true, null]}`: `{"a":[1,0,1.50,1e999,18446744073709551615,true,null]}`,
		"{\"a\": b, # YAML\n c: [d]}":                                   `{"a":"b","c":["d"]}`,
		"%YAML 1.2\n---\na: 1\n":                                        `{"a":1}`,
		"a: 0x10\n":                                                     `{"a":16}`,
	} {
		v, faults := recipe.ParseValue("f", []byte(text))
		if got := string(v.AppendJSON(nil)); faults != nil || got != want {
			t.Errorf("%.60q: got %.80s, %v, want %.80s", text, got, faults, want)
		}
	}
	v, faults := recipe.ParseValue("f", []byte("\ufeff{\"a\":\n  \"\\ud83d\\ude00\", \"é\": {\"b\": [1,  2]}}"))
	if faults != nil {
		t.Fatal(faults)
	}
	if got := v.Field("é").Field("b").Items[1].Place; got != (recipe.Place{Line: 2, Col: 35}) {
		t.Errorf("got %v, want line 2, column 35", got)
	}
}
