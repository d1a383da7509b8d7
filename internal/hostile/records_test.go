//go:build linux

package hostile

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/internal/binary"
	"sluice/internal/bus/bustest"
)

// given writes a recipe that reads lines, runs a chain of nodes over them and writes a
// file. Each part is KIND or KIND: CONFIG.
func given(parts ...string) string {
	var b strings.Builder
	b.WriteString("recipe: hostile\nnodes:\n  n0: {kind: file_reader, config: {path: in.txt}}\n")
	for i, p := range append(parts, "file_writer: {path: out.txt}") {
		kind, config, _ := strings.Cut(p, ": ")
		if config == "" {
			config = "{}"
		}
		fmt.Fprintf(&b, "  n%d: {kind: %s, from: n%d, config: %s}\n", i+1, kind, i, config)
	}
	return b.String()
}

// deadLetters lists them.
func deadLetters(t *testing.T, dir string) string {
	t.Helper()
	return check(t, binary.Command{Dir: dir, Args: []string{"dead", "list", "--data-dir", "data"}}, want{}).Stdout
}

func TestNotUTF8(t *testing.T) {
	const bad = "caf\xe9 \xff\xfe\x00 end\nplain\n\xc3\x28\n\xed\xa0\x80\n"
	for _, c := range []struct {
		chain []string
		out   string
		dead  string // how many
		why   string
	}{
		{[]string{"trim"}, bad, "0", ""},
		{[]string{"regex_match: {regex: '.*'}"}, bad, "0", ""},
		{[]string{"regex_replace: {regex: 'caf', replacement: 'CAF'}"}, strings.Replace(bad, "caf", "CAF", 1), "0", ""},
		{[]string{"dedupe"}, bad, "0", ""},
		{[]string{"defang"}, bad, "0", ""},
		{[]string{"to_hex", "from_hex"}, bad, "0", ""},
		{[]string{"to_base64", "from_base64"}, bad, "0", ""},
		{[]string{"gzip", "gunzip"}, bad, "0", ""},
		{[]string{"url_encode", "url_decode"}, bad, "0", ""},
		{[]string{"split: {separator: ' '}"}, strings.ReplaceAll(bad, " ", "\n"), "0", ""},
		{[]string{"limit: {count: 10}"}, bad, "0", ""},
		{[]string{"to_uppercase"}, "PLAIN\n", "3", "offset 3"},
		{[]string{"to_lowercase"}, "plain\n", "3", "offset 3"},
		{[]string{"to_json"}, "plain\n", "3", "UTF-8"},
		{[]string{"parse_json"}, "", "4", "offset 0"},
		{[]string{"parse_int"}, "", "4", ""},
	} {
		t.Run(c.chain[0], func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, "in.txt", bad)
			r := run(t, dir, given(c.chain...), want{}, "--data-dir", "data")
			if got := read(t, filepath.Join(dir, "out.txt")); got != c.out {
				t.Errorf("got %q, want %q", got, c.out)
			}
			if got := row(t, r, "n1")[4]; got != c.dead {
				t.Errorf("%s dead letters, want %s", got, c.dead)
			}
			if c.why != "" {
				says(t, deadLetters(t, dir), c.why)
			}
		})
	}
}

// bomb is base64 of n packed zeros.
func bomb(t *testing.T, n int) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := repeat(z, "\x00", n); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

func TestExplodingRecords(t *testing.T) {
	t.Parallel()
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		name  string
		chain []string
		line  string
		why   string
	}{
		{"gunzip", []string{"from_base64", "gunzip"}, bomb(t, 256*mib), "decompresses to more than 16777216"},
		{"many gunzip", []string{"split: {separator: ' '}", "from_base64", "gunzip", "sha256_hash"}, strings.Repeat(bomb(t, 15*mib)+" ", 12), ""},
		{"jq range", []string{"parse_json", "select: {query: '[range(1e9)]'}"}, "1", "query"},
		{"jq repeat", []string{"parse_json", "select: {query: 'def f: f; f'}"}, "1", "query"},
		{"jq double", []string{"parse_json", "select: {query: 'reduce range(100) as $i (\"xxxxxxxx\"; . + .)'}"}, "1", "128 MiB"},
		{"jq times", []string{"parse_json", "select: {query: '\"xxxxxxxx\" * 1000000000'}"}, "1", "128 MiB"},
		{"jq index", []string{"parse_json", "select: {query: '.[1e9] = 1'}"}, "[]", "index"},
		{"jq steps", []string{"parse_json", "select: {query: 'reduce range(1e9) as $i (0; . + 1)'}"}, "1", "ten million steps"},
		{"jq records", []string{"parse_json", "select: {query: 'range(1e9)'}"}, "1", "the bound of a frame's output"},
		{"jq recurse", []string{"parse_json", "select: {query: '[recurse([.,.])]'}"}, "1", ""},
		{"jq limit", []string{"parse_json", "select: {query: '[limit(1e9; repeat(1))]'}"}, "1", ""},
		{"jq combinations", []string{"parse_json", "select: {query: '[[range(100)] | [.,.,.,.,.] | combinations]'}"}, "1", ""},
		{"jq regex", []string{"parse_json", "select: {query: '[match(\"(a*)*b\"; \"g\")]'}"}, `"` + strings.Repeat("a", 100_000) + `"`, ""},
		{"expr repeat", []string{"map: {expr: 'repeat(record, 1000000000)'}"}, "xxxxxxxxxx", "expression"},
		{"expr range", []string{"map: {expr: '1..1000000000'}"}, "x", "expression"},
		{"expr nested", []string{"map: {expr: 'map(1..10000, map(1..10000, map(1..10000, #)))'}"}, "x", "expression"},
		{"expr join", []string{"map: {expr: 'join(map(1..100000, record), record)'}"}, strings.Repeat("x", 10_000), "expression"},
		{"expr overflow", []string{"parse_int", "map: {expr: 'record * record'}"}, "9223372036854775807", "64 bit"},
		{"brackets to parse_json", []string{"parse_json"}, nested(1_000_000), "nested deeper than 1000"},
		{"open brackets", []string{"parse_json"}, strings.Repeat("[", 1_000_000), "nested deeper than 1000"},
		{"objects", []string{"parse_json"}, strings.Repeat(`{"a":`, 1_000_000), "nested deeper than 1000"},
		{"split", []string{"split: {separator: ','}", "to_string"}, strings.Repeat(",", 5_000_000), ""},
		{"replace", []string{"regex_replace: {regex: 'x', replacement: '" + strings.Repeat("y", 1000) + "'}"}, strings.Repeat("x", 1_000_000), "a record may have 16777216"},
		{"empty matches", []string{"regex_replace: {regex: '', replacement: '" + strings.Repeat("y", 1000) + "'}"}, strings.Repeat("x", 1_000_000), "too many for a replacement this long"},
		{"csv", []string{"parse_csv"}, strings.Repeat(",", 1_000_000), ""},
		{"number", []string{"parse_int"}, strings.Repeat("9", 1_000_000), "64 bit"},
		{"float", []string{"parse_float"}, strings.Repeat("9", 1_000_000) + "e999999999", ""},
		{"extract", []string{"extract_urls"}, strings.Repeat("http://", 500_000), ""},
		{"extract emails", []string{"extract_emails"}, strings.Repeat("a@", 500_000), ""},
		{"extract domains", []string{"extract_domains"}, strings.Repeat("a.", 500_000), ""},
		{"extract ips", []string{"extract_ips"}, strings.Repeat("1:", 500_000), ""},
		{"defang", []string{"defang"}, strings.Repeat("1.", 500_000), ""},
		{"slow regex", []string{"regex_match: {regex: '(x+x+)+y'}"}, strings.Repeat("x", 1_000_000), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, "in.txt", c.line+"\n")
			r := run(t, dir, given(c.chain...), want{peak: 350}, "--data-dir", "data")
			if c.why == "" {
				return
			}
			if got := row(t, r, fmt.Sprintf("n%d", len(c.chain)))[4]; got != "1" {
				t.Errorf("%s dead letters, want 1", got)
			}
			says(t, deadLetters(t, dir), c.why)
		})
	}
}

// A file of JSON lines that are nested too deep, beside a good one.
func TestNestedLines(t *testing.T) {
	dir := t.TempDir()
	fill(t, filepath.Join(dir, "in.txt"), func(w io.Writer) error {
		io.WriteString(w, "{\"n\":1}\n")
		repeat(w, `{"a":[`, 1_000_000)
		io.WriteString(w, "\n")
		repeat(w, "[", 500_000)
		repeat(w, "]", 500_000)
		_, err := io.WriteString(w, "\n{\"n\":2}\n")
		return err
	})
	text := strings.Replace(given("count_by: {field: n}"), "path: in.txt", "path: in.txt, format: json_lines", 1)
	r := run(t, dir, text, want{}, "--data-dir", "data")
	if got := row(t, r, "n0"); got[1] != "2" || got[4] != "2" {
		t.Errorf("out and dead are %s and %s, want 2 and 2", got[1], got[4])
	}
	says(t, deadLetters(t, dir), "in.txt: the line at byte 8 ", "in.txt: the line at byte 6000009 ")
}

func TestManyKeys(t *testing.T) {
	t.Parallel()
	const keys = `
recipe: keys
params: {max: {type: int, default: 250000}, on_error: {type: string, default: drop}}
nodes:
  lines: {kind: file_reader, config: {path: in.txt}}
  count: {kind: count_by, from: lines, on_error: ON_ERROR, config: {max_keys: "${max}"}}
  out:   {kind: file_writer, from: count, config: {path: out.txt, format: json_lines}}
`
	dir := t.TempDir()
	fill(t, filepath.Join(dir, "in.txt"), func(w io.Writer) error {
		for i := range 1_000_000 {
			if _, err := fmt.Fprintf(w, "a key that is somewhat long, number %d\n", i); err != nil {
				return err
			}
		}
		return nil
	})
	r := run(t, dir, strings.Replace(keys, "ON_ERROR", "drop", 1), want{})
	in, dropped := row(t, r, "count")[0], row(t, r, "count")[2]
	if in != "1000000" || dropped == "0" {
		t.Errorf("in and dropped are %s and %s", in, dropped)
	}
	n, err := strconv.Atoi(dropped)
	if got := strings.Count(read(t, filepath.Join(dir, "out.txt")), "\n"); err != nil || got+n != 1_000_000 {
		t.Errorf("%d keys were written and %d dropped, want a million together", got, n)
	}
	max := []string{"-p", "max=1000"}
	run(t, dir, strings.Replace(keys, "ON_ERROR", "dead_letter", 1), want{code: 1, says: []string{"node count made more than 100000 dead letters (max_dead)"}}, max...)
	run(t, dir, strings.Replace(keys, "ON_ERROR", "fail", 1), want{code: 1, says: []string{"node count gave up a record", "more than 1000 keys"}}, max...)
}

// An endless source before a slow sink: memory and store stay flat.
func TestEndless(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, dir, "r.yaml", `
recipe: endless
nodes:
  n:    {kind: integer_generator}
  text: {kind: map, from: n, config: {expr: 'repeat("0123456789", 100) + string(record)'}}
  slow: {kind: throttle, from: text, config: {rate: 500}}
  out:  {kind: file_writer, from: slow, config: {path: out.txt}}
`)
	for _, took := range []time.Duration{2 * time.Second, 8 * time.Second} {
		r := check(t, binary.Command{
			Dir: dir, Args: []string{"run", "r.yaml", "--progress", "none"}, Sign: syscall.SIGINT, After: took,
		}, want{code: 130, peak: 150, says: []string{"stopped"}})
		if over := r.Took - took; over > bustest.Within(3*time.Second) {
			t.Errorf("it took %v to stop, want 2 s", over)
		}
	}
}
