package data

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/itchyny/gojq"

	"sluice/nodes"
	"sluice/recipe"
)

// process runs one record through a new instance and returns the texts that came out.
func process(t *testing.T, k nodes.Kind, config string, r nodes.Record) ([]string, error) {
	t.Helper()
	p, err := k.Build([]byte(config), &nodes.Env{Types: nodes.PortTypes{In: []recipe.PortType{{Name: "in", Type: r.Type()}}}})
	if err != nil {
		t.Fatal(err)
	}
	c := nodes.NewCall([]recipe.PortType{{Name: "out", Type: recipe.JSON}})
	c.Begin(context.Background(), [2]uint64{})
	err = p.(nodes.Processor).Process(c, r)
	if err == nil {
		err = c.Err()
	}
	var texts []string
	cur := c.Out(0).Cursor()
	for out, ok := cur.Next(); ok; out, ok = cur.Next() {
		texts = append(texts, out.Text())
	}
	return texts, err
}

func quoted(s string) string { return string(nodes.AppendQuoted(nil, []byte(s))) }

func TestGuardedQueriesAnswerLikeJQ(t *testing.T) {
	const doc = `{"a":3,"b":"xy","c":[1,2,[3]],"d":{"e":null},"n":12345678901234567890,"s":["p","q"]}`
	for _, q := range []string{
		`.a + 1`, `.b * 2`, `2 * .b`, `.a * .a`, `.a += 2`, `.a *= 2`, `.b += "z"`, `.a += (1,2)`, `(.a,.b) += null`,
		`def f: 3; f * 2`, `def f: 3; .a += f`, `def f(x): x + x; f(.b)`, `.c[0], .c[-1], .c[5]`, `.c[1:]`, `.d["e"]`, `."b"`,
		`.c[.c[0]]`, `.c | flatten`, `.s | add`, `.s | join("-")`, `add`, `tojson`, `.c | tostring`, `@base64 "x\(.b + "1")"`, `.b | @base64`,
		`@json`, `[.s[] | @uri]`, `setpath(["c",4];1)`, `setpath(["q"];1)`, `.c[3] = 1`, `.c[0] |= . + 1`, `reduce .c[0,1] as $x (0; . + $x)`,
		`to_entries`, `with_entries(.value |= tostring)`, `[paths]`, `path(.c[1])`, `del(.c[0])`, `[limit(2; repeat(1))]`, `.a as $x | [$x + 1, $x * 2]`,
		`{(.b + "k"): .a}`, `{a: (.a + 1)}`, `if .a + 1 == 4 then "y" else "n" end`, `try error("x") catch . + "y"`, `.n`, `.n + 0`, `.a // 1 + 2`,
		`[.c[] | numbers + 1]`, `. as {a: $q} | $q + $q`, `(.a + 1) as $x | $x`, `first(.c[] | arrays + [1])`, `.s | map(. + "!") | add`, `nan`, `infinite`,
		`input_line_number?`, `[.s[0] + .s[1], .a - 1]`, `label $f | .a + 1, break $f`, `"\(.a + 1)\(.b)"`, `[.[] | strings] | sort | .[0] + "x"`, `-(.a + 1)`, `.b | ascii_upcase + "x" | .[1:]`,
	} {
		query, err := gojq.Parse(q)
		if err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		value, err := new(decoder).decode([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		var wantErr error
		code, err := gojq.Compile(query)
		if err != nil {
			t.Logf("%s: %v", q, err)
			continue
		}
		for it := code.Run(value); ; {
			v, ok := it.Next()
			if !ok {
				break
			}
			if wantErr, _ = v.(error); wantErr != nil {
				break
			}
			e := encoder{jqFloats: true}
			text, err := e.encode(v)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, string(text))
		}
		if strings.Contains(q, "input_line") {
			continue
		}
		got, err := process(t, Select, `{"query":`+quoted(q)+`}`, nodes.JSONRecord([]byte(doc)))
		if fmt.Sprint(got) != fmt.Sprint(want) || (err == nil) != (wantErr == nil) {
			t.Errorf("%s: got %v, %v, want %v, %v", q, got, err, want, wantErr)
		}
	}
}

func TestQueriesAreBounded(t *testing.T) {
	for _, q := range []string{
		`reduce range(60) as $i ([1]; . + .)`, `reduce range(60) as $i ("x"; . + .)`, `reduce range(60) as $i ({a:"x"}; .a += .a)`,
		`"x" * 2000000000`, `2000000000 * "xyz"`, `.[500000000] = 1`, `null | setpath([400000000]; 1)`, `reduce range(60) as $i (1; [., .]) | tojson`,
		`reduce range(60) as $i (1; [., .])`, `reduce range(60) as $i (1; [., .]) | flatten`, `[range(100000000)]`,
		`reduce range(60) as $i ("x"; . *= 2)`, `[range(100000) | "x" * 1000000] | add`, `"xxxxxxxxxx" * 1e6 | . as $s | [range(1e5) | $s] | join(",")`, `def f: [f]; f`,
		`"x" * 100000 | @json "\(.)\(.)" * 100000`,
	} {
		_, err := process(t, Select, `{"query":`+quoted(q)+`}`, nodes.JSONRecord([]byte(`null`)))
		if !nodes.IsPermanent(err) {
			t.Errorf("%s: got %v, want a permanent error", q, err)
		}
	}
}

func TestQueriesThatLookElsewhereAreRefused(t *testing.T) {
	for _, q := range []string{"now", ".a | localtime", "[inputs]", "def f: now; f", `"\(now)"`, "{a: now}", ".[now]", ".a |= now", "(", "nosuch", "$x"} {
		if _, err := Select.Build([]byte(`{"query":`+quoted(q)+`}`), &nodes.Env{}); err == nil {
			t.Errorf("%s: got no error", q)
		}
	}
	if got, err := process(t, Select, `{"query":"[env,$ENV]"}`, nodes.JSONRecord([]byte(`1`))); err != nil || got[0] != "[{},{}]" {
		t.Errorf("got %v, %v, want an empty environment", got, err)
	}
}

func TestACancelledQueryMayBeTriedAgain(t *testing.T) {
	p, err := Select.Build([]byte(`{"query":"last(repeat(1))"}`), &nodes.Env{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	c := nodes.NewCall([]recipe.PortType{{Name: "out", Type: recipe.JSON}})
	c.Begin(ctx, [2]uint64{})
	if err := p.(nodes.Processor).Process(c, nodes.JSONRecord([]byte(`1`))); err == nil || nodes.IsPermanent(err) {
		t.Errorf("got %v, want an error that is not permanent", err)
	}
}
