package data

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/expr-lang/expr"
	"pgregory.net/rapid"

	"sluice/nodes"
	"sluice/recipe"
)

func TestExpressions(t *testing.T) {
	const doc = `{"s":"abc","n":7,"f":1.5,"l":[3,1,2],"o":{"z":1,"a":2},"big":123456789012345678901,"nil":null}`
	for src, want := range map[string]string{
		`record.n + 1`:                             `8`,
		`record.n - 10`:                            `-3`,
		`-record.n`:                                `-7`,
		`-9223372036854775807 - 1`:                 `-9223372036854775808`,
		`record.f * 2`:                             `3`,
		`record.n / 2`:                             `3.5`,
		`record.s + "d"`:                           `"abcd"`,
		`record.l | map(# + 1) | filter(# > 2)`:    `[4,3]`,
		`sort(record.l)`:                           `[1,2,3]`,
		`keys(record.o)`:                           `["a","z"]`,
		`values(record.o)`:                         `[2,1]`,
		`toPairs(record.o)`:                        `[["a",2],["z",1]]`,
		`record.big`:                               `123456789012345678901`,
		`record["n"]`:                              `7`,
		`record?.missing?.deeper`:                  `null`,
		`record.missing ?? "none"`:                 `"none"`,
		`let r = record; r.n`:                      `7`,
		`string(record.o)`:                         `"{\"a\":2,\"z\":1}"`,
		`string(record.n) + record.s`:              `"7abc"`,
		`replace(record.s, "b", "--")`:             `"a--c"`,
		`join(["a","b"], "-")`:                     `"a-b"`,
		`split("a,b", ",")`:                        `["a","b"]`,
		`concat(record.l, [4])`:                    `[3,1,2,4]`,
		`count(record.l, # > 1)`:                   `2`,
		`reduce(record.l, #acc + #)`:               `6`,
		`record.s matches "^a.c$"`:                 `true`,
		`{"b": 1, "a": record.nil}`:                `{"a":null,"b":1}`,
		`record`:                                   doc,
		`len(record)`:                              `7`,
		`record.n in record.l`:                     `false`,
		`"n" in record`:                            `true`,
		`record.l[0]`:                              `3`,
		`date("2024-01-02T03:04:05Z").Year()`:      `2024`,
		`any(record.l, {# == record.n - 5})`:       `true`,
		`record.s == "abc" ? record.n : record.f`:  `7`,
		`[record.s, record.o.a]`:                   `["abc",2]`,
		`map(record.l, {let x = #; x * record.n})`: `[21,7,14]`,
		`fromJSON("{\"a\":[1]}").a[0]`:             `1`,
		`sum(record.l)`:                            `6`,
		`sum(record.l, # * 2)`:                     `12`,
		`sum([record.n, record.f])`:                `8.5`,
		`sum([])`:                                  `0`,
		`record.l | sum()`:                         `6`,
		`sum(1..3)`:                                `6`,
		`abs(-3) + abs(-1.5)`:                      `4.5`,
		`int(7.9) + int("3")`:                      `10`,
		`bitshl(3, 4)`:                             `48`,
		`bitshl(-1, 63)`:                           `-9223372036854775808`,
		`round(2.5) + ceil(0.2) + floor(1.8)`:      `5`,
		`round(9007199254740993)`:                  `9007199254740993`,
		`fromJSON("9007199254740993")`:             `9007199254740993`,
		`fromJSON("[1.5,12345678901234567890]")`:   `[1.5,12345678901234567890]`,
		`groupBy(record.l, # > 1)`:                 `{"false":[1],"true":[3,2]}`,
		`groupBy(["b","a","b"], #)`:                `{"a":["a"],"b":["b","b"]}`,
		`keys(groupBy(record.l, # + 7))`:           `["10","8","9"]`,
		`{"g": groupBy(record.l, 1)}`:              `{"g":{"1":[3,1,2]}}`,
	} {
		got, err := process(t, Map, `{"expr":`+quoted(src)+`}`, nodes.JSONRecord([]byte(doc)))
		if err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%s: got %v, %v, want %s", src, got, err, want)
		}
	}
}

func TestOverflowsAreErrors(t *testing.T) {
	const doc = `{"a":[9223372036854775807,1],"m":-9223372036854775808,"big":12345678901234567890}`
	for _, src := range []string{
		`sum(record.a)`, `sum([record.a[0], record.a[1]])`, `sum(record.a, #)`, `record.a | sum(#)`, `sum(map(record.a, #))`, `reduce(record.a, #acc + #)`,
		`abs(record.m)`, `-record.m`, `int(1e300)`, `int(9.3e18)`, `int(-1e300)`, `int(0.0/0.0)`, `bitshl(record.a[0], 1)`, `bitshl(1, 63)`, `bitshl(1, 64)`, `bitshl(1, 1000)`,
		`sum([record.big])`, `sum(["a"])`, `9223372036854775807 + 1`, `sum(1..3, 9223372036854775807)`, `fromJSON("{")`, `groupBy([1, "1"], #)`,
	} {
		if got, err := process(t, Map, `{"expr":`+quoted(src)+`}`, nodes.JSONRecord([]byte(doc))); !nodes.IsPermanent(err) {
			t.Errorf("%s: got %v, %v, want an error", src, got, err)
		}
	}
}

func TestExpressionsAreBounded(t *testing.T) {
	double := "let a0 = record;"
	cat := "let a0 = [record];"
	nest := "let a0 = [record];"
	for i := range 40 {
		a, b := "a"+string(rune('0'+i/10))+string(rune('0'+i%10)), "a"+string(rune('0'+(i+1)/10))+string(rune('0'+(i+1)%10))
		if i == 0 {
			a = "a0"
		}
		double += "let " + b + " = " + a + " + " + a + ";"
		cat += "let " + b + " = concat(" + a + ", " + a + ");"
		nest += "let " + b + " = [" + a + ", " + a + "];"
	}
	for _, src := range []string{
		double + "len(a40)", cat + "len(a40)", nest + "a40", nest + "len(string(a40))", nest + "toJSON(a40)",
		`let l = split(repeat("a,", 10000), ","); count(l, count(l, any(l, # == "x")) > 0)`,
		`let s = repeat("a", 900000); replace(s, "a", s)`, `repeat("a", 100000000)`, `len(map(1..1000000, #)) + len(1..999999)`,
		`let s = repeat("a", 900000); join(map(1..10000, s), s)`,
	} {
		if _, err := process(t, Map, `{"expr":`+quoted(src)+`}`, nodes.TextRecord("text")); !nodes.IsPermanent(err) {
			t.Errorf("%.80s: got %v, want a permanent error", src, err)
		}
	}
}

func TestBadExpressionsAreRefused(t *testing.T) {
	for _, row := range []struct {
		src string
		in  recipe.Type
	}{
		{"record +", recipe.JSON}, {"recrod == 1", recipe.JSON}, {"now()", recipe.JSON}, {"record + 1", recipe.String}, {"nosuch(record)", recipe.Int},
		{`record matches "("`, recipe.String},
	} {
		_, err := Filter.Build([]byte(`{"expr":`+quoted(row.src)+`}`), &nodes.Env{Types: nodes.PortTypes{In: []recipe.PortType{{Name: "in", Type: row.in}}}})
		if err == nil || !strings.Contains(err.Error(), "expr") {
			t.Errorf("%s: got %v, want an error that names expr", row.src, err)
		}
	}
}

func TestArithmeticIsExactOrRefused(t *testing.T) {
	edge := rapid.OneOf(rapid.Int(), rapid.SampledFrom([]int{math.MinInt, math.MaxInt, -1, 0, 1, 1 << 32, -1 << 32}))
	rapid.Check(t, func(t *rapid.T) {
		x, y := edge.Draw(t, "x"), edge.Draw(t, "y")
		a, b := big.NewInt(int64(x)), big.NewInt(int64(y))
		for _, row := range []struct {
			name string
			ints func(x, y int) (int, bool)
			want *big.Int
		}{
			{"+", addInts, new(big.Int).Add(a, b)}, {"-", subtractInts, new(big.Int).Sub(a, b)}, {"*", multiplyInts, new(big.Int).Mul(a, b)},
		} {
			z, ok := row.ints(x, y)
			if ok != row.want.IsInt64() || ok && int64(z) != row.want.Int64() {
				t.Fatalf("%d %s %d: got %d, %v, want %v", x, row.name, y, z, ok, row.want)
			}
		}
	})
}

func FuzzRecords(f *testing.F) {
	f.Add([]byte(`{"a":[1,2.5,{"b":null}],"c":"\u00e9\ud83d\ude00"}`))
	f.Add([]byte(`[[[[1e999,-0,12345678901234567890]]]]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, row := range []struct {
			kind   nodes.Kind
			config string
		}{
			{ParseJSON, `{}`}, {Select, `{"query":".. | numbers"}`}, {Map, `{"expr":"record.a"}`}, {Filter, `{"expr":"record.a == 1"}`},
		} {
			r := nodes.JSONRecord(text)
			if row.kind.Kind == ParseJSON.Kind {
				r = nodes.StringRecord(text)
			}
			if _, err := process(t, row.kind, row.config, r); err != nil && !nodes.IsPermanent(err) {
				t.Errorf("%s of %q: %v may not be tried again", row.kind.Kind, text, err)
			}
		}
	})
}

func FuzzExpressions(f *testing.F) {
	f.Add("record.a + 1", ".a + 1")
	f.Add("map(record.a, # * 2)", ".a[] |= . * 2")
	f.Fuzz(func(t *testing.T, src, query string) {
		if len(src) > 200 || len(query) > 200 {
			t.Skip()
		}
		r := nodes.JSONRecord([]byte(`{"a":[1,"b",null]}`))
		if _, err := Map.Build([]byte(`{"expr":`+quoted(strings.ToValidUTF8(src, ""))+`}`), &nodes.Env{}); err == nil {
			_, _ = process(t, Map, `{"expr":`+quoted(strings.ToValidUTF8(src, ""))+`}`, r)
		}
		if _, err := Select.Build([]byte(`{"query":`+quoted(strings.ToValidUTF8(query, ""))+`}`), &nodes.Env{}); err == nil {
			_, _ = process(t, Select, `{"query":`+quoted(strings.ToValidUTF8(query, ""))+`}`, r)
		}
	})
}

// TestExpressionHints: what is likely meant by an expression that is refused is said.
func TestExpressionHints(t *testing.T) {
	for _, c := range []struct {
		src, typ, want string
	}{
		{`type == "x"`, "json", ": type is a function, and is not called (1:1); did you mean record.type?"},
		{`EventID == 1`, "json", "unknown name EventID (1:1); did you mean record.EventID?"},
		{"record.é == 1 and\n user.name == 2", "json", "unknown name user (2:2); did you mean record.user?"},
		{`recrod.a == 2`, "json", "unknown name recrod (1:1); did you mean record?"},
		{`line == "x"`, "string", "unknown name line (1:1); the value is called record"},
		{`"é" == "x" or lenn (record) == 2`, "json", "unknown name lenn (1:15); did you mean len?"},
		{`type`, "string", ": type is a function, and is not called (1:1); the value is called record"},
		{`let type = 1; record.a == 2`, "json", "cannot redeclare builtin type (1:5)"},
		{`now() == 2`, "json", "unknown name now (1:1)"},
		{`record.type = "x"`, "json", `unexpected token Operator("=") (1:13); values are compared by ==`},
		{`sum(record.l) == type and count(record.l, # > 1) == 1`, "json", ": type is a function, and is not called (1:18); did you mean record.type?"},
	} {
		_, err := compileExpression(c.src, recipe.Type(c.typ), expr.AsBool())
		if err == nil || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.src, err, c.want)
		}
	}
}

// TestExpressionReasonIsALine: a reason is shown in one line, so it draws nothing below itself.
func TestExpressionReasonIsALine(t *testing.T) {
	_, err := process(t, Map, `{"expr":"1 +\n record.a.b"}`, nodes.JSONRecord([]byte(`{"a":1}`)))
	const want = "the expression: cannot fetch b from int (2:11)"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
