package compile

import (
	"strings"
	"testing"

	"github.com/expr-lang/expr"
	"github.com/itchyny/gojq"
	"pgregory.net/rapid"
)

// fill puts a value where a program has %.
func fill(t testing.TB, language, program, value string) (string, error) {
	t.Helper()
	l := literal{language: language}
	before, after, _ := strings.Cut(program, "%")
	l.write(before)
	text, err := l.put(value)
	l.write(after)
	if err == nil && (l.quote != 0 || len(l.around) > 0) {
		t.Errorf("%s: %s with %q is not known to have ended", language, program, value)
	}
	return before + text + after, err
}

// result runs a program of either language, whose result is a text.
func result(language, program string) (any, error) {
	if language == "expr" {
		v, err := expr.Eval(program, nil)
		if b, is := v.([]byte); is {
			v = string(b)
		}
		return v, err
	}
	q, err := gojq.Parse(program)
	if err != nil {
		return nil, err
	}
	v, _ := q.Run(nil).Next()
	if err, is := v.(error); is {
		return nil, err
	}
	return v, nil
}

// inStrings are programs whose result is what stands at % in a string.
var inStrings = map[string][]string{
	"expr": {
		`"%"`, `'%'`, "`%`", `b"%"`, `b'%'`, `true ? "%" : "\"'` + "`" + `"`, `"\"" == '"' ? '%' : ""`,
		`/* " */ "%"`, "// it's\n'%'", `'\\' == "\\" ? '%' : 0`, "`\\` == '\\\\' ? '%' : 0", "`a``b` != '' ? `%` : 0",
		`6/3/2 == 1 ? "%" : 0`, "/*/ ' */ '%'", `/***/ "%" /* ' */`, `"%" // "`, `map(["%"], #)[0]`,
	},
	"jq": {
		`"%"`, `"\("%")"`, `"\("\(("%"))")"`, `"\"" | "%"`, `"\\" | "%"`, "# it says \"\n\"%\"", "# \\\n \" \\\\\n\"%\"", "# \\\r\n \" \r\"%\"",
		`"\((1) | "%")"`, `"\(1 | ("a)"))" | "%"`, `@text "%"`, `"%" # "`, `{"a": "%"}.a`, `"#" | "%"`, `"\(")" | .) " | "%"`,
	},
}

func TestStringsHoldValues(t *testing.T) {
	values := []string{"", "plain", `C:\new`, `z" || record != "z`, `' || true || '`, "a`b", "``", "`", "a\r\n\tb\x00\x1f", `\(1)`, `\`, `\\`, `\"`, "ö€😀", "#", "// /*", "${x}"}
	for language, programs := range inStrings {
		for _, program := range programs {
			for _, v := range values {
				text, err := fill(t, language, program, v)
				if err != nil {
					t.Errorf("%s: %s with %q: %v", language, program, v, err)
				}
				if got, err := result(language, text); err != nil || got != v {
					t.Errorf("%s: %s with %q became %s, which gives %q %v", language, program, v, text, got, err)
				}
			}
		}
	}
}

// TestAnyStringHoldsAnyValue puts together programs and values at random.
func TestAnyStringHoldsAnyValue(t *testing.T) {
	parts := rapid.SliceOfN(rapid.SampledFrom([]string{"a", `\`, `"`, "'", "`", "(", ")", "#", "/", "*", "\n", "\r", "u0041", "{", "é"}), 0, 8)
	rapid.Check(t, func(rt *rapid.T) {
		language := rapid.SampledFrom([]string{"expr", "jq"}).Draw(rt, "language")
		program := rapid.SampledFrom(inStrings[language]).Draw(rt, "program")
		v := strings.Join(parts.Draw(rt, "value"), "")
		text, err := fill(t, language, program, v)
		if err != nil {
			rt.Fatal(err)
		}
		if got, err := result(language, text); err != nil || got != v {
			rt.Fatalf("%s: %q with %q became %q, which gives %q %v", language, program, v, text, got, err)
		}
	})
}

// TestOutsideOfStrings: a value is program text there, and may open a string itself.
func TestOutsideOfStrings(t *testing.T) {
	for _, c := range []struct{ language, program, value, want string }{
		{"expr", "record > %", "5", "record > 5"},
		{"expr", "%", `record == "x\n"`, `record == "x\n"`},
		{"expr", `"a" + % + 'b'`, `"\""`, `"a" + "\"" + 'b'`},
		{"jq", `"\(%)"`, `"a" + "b"`, `"\("a" + "b")"`},
		{"jq", "# \"\n.%", "a", "# \"\n.a"},
		{"jq", "\"\\(1)\" | %", `"\\"`, "\"\\(1)\" | \"\\\\\""},
		{"regex", `"%"`, `\d"`, `"\d""`},
		{"", `"%"`, `\`, `"\"`},
	} {
		if got, err := fill(t, c.language, c.program, c.value); got != c.want || err != nil {
			t.Errorf("%s: %s with %s: got %s %v, want %s", c.language, c.program, c.value, got, err, c.want)
		}
	}
	l := literal{language: "expr"}
	l.write("record == ")
	_, _ = l.put(`"it's `)
	if got, _ := l.put(`"`); got != `\"` {
		t.Errorf("in a string that a value has opened: got %s", got)
	}
	for _, program := range []string{`"\%"`, `'a\\\%'`} {
		if got, err := fill(t, "expr", program, "n"); err == nil {
			t.Errorf("behind a backslash: %s became %s", program, got)
		}
	}
}
