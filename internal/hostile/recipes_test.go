//go:build linux

package hostile

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/binary"
)

// refused validates a recipe that a function writes and wants it refused with words.
func refused(t *testing.T, write func(w io.Writer) error, peak int64, words ...string) {
	t.Helper()
	dir := t.TempDir()
	fill(t, filepath.Join(dir, "r.yaml"), write)
	for _, command := range []string{"validate", "run"} {
		r := check(t, binary.Command{Dir: dir, Args: []string{command, "r.yaml"}}, want{code: 2, peak: peak, says: append(words, "r.yaml:")})
		if n := len(r.Stderr); n > 64<<10 {
			t.Errorf("stderr has %d bytes; nobody reads that", n)
		}
	}
}

func text(parts ...string) func(w io.Writer) error {
	return func(w io.Writer) error {
		for _, p := range parts {
			if _, err := io.WriteString(w, p); err != nil {
				return err
			}
		}
		return nil
	}
}

const oneSetting = "recipe: r\nnodes:\n  n: {kind: string_generator, config: {count: 1}}\n  x: {kind: %s, from: n, config: {%s: '%s'}}\n  o: {kind: printer, from: x}\n"

func TestLargePattern(t *testing.T) {
	for kind, setting := range map[string]string{"regex_match": "regex", "regex_replace": "regex", "select": "query", "filter": "expr", "map": "expr"} {
		t.Run(kind, func(t *testing.T) {
			big := fmt.Sprintf(oneSetting, kind, setting, strings.Repeat("(a|b)*", 1<<20/6))
			refused(t, text(big), 0, "SL", "x", setting)
		})
	}
}

// Patterns within the bound that grow when they are compiled.
func TestGrowingPattern(t *testing.T) {
	for name, pattern := range map[string]string{
		"repeats":     "((((a{10}){10}){10}){10}){10}",
		"long repeat": "(" + strings.Repeat("a", 60_000) + "){1000}",
		"nested":      strings.Repeat("(", 30_000) + strings.Repeat(")", 30_000),
		"many":        strings.Repeat("x{999}", 10_000),
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, text(fmt.Sprintf(oneSetting, "regex_match", "regex", pattern)), 0, "x", "regex")
		})
	}
}

func TestManyNodes(t *testing.T) {
	refused(t, func(w io.Writer) error {
		io.WriteString(w, "recipe: many\nnodes:\n  n0: {kind: integer_generator}\n")
		for i := range 10_001 {
			fmt.Fprintf(w, "  n%d: {kind: limit, from: n%d, config: {count: 1}}\n", i+1, i)
		}
		return nil
	}, 0, "SL104", "10000")
}

func TestLargestRecipe(t *testing.T) {
	dir := t.TempDir()
	fill(t, filepath.Join(dir, "r.yaml"), func(w io.Writer) error {
		io.WriteString(w, "recipe: many\nnodes:\n  n0: {kind: integer_generator, config: {count: 1}}\n")
		for i := range 9_999 {
			fmt.Fprintf(w, "  n%d: {kind: limit, from: n0, config: {count: 1}}\n", i+1)
		}
		return nil
	})
	check(t, binary.Command{Dir: dir, Args: []string{"validate", "r.yaml"}}, want{})
}

func TestLongRecipe(t *testing.T) {
	refused(t, func(w io.Writer) error {
		io.WriteString(w, "recipe: long\n# ")
		return repeat(w, "x", 100*mib)
	}, 0, "SL002")
}

// Documents within the bound that grow when they are read.
func TestYAMLBombs(t *testing.T) {
	t.Parallel()
	var laughs strings.Builder
	laughs.WriteString("recipe: laughs\na0: &a0 [x,x,x,x,x,x,x,x,x]\n")
	for i := range 20 {
		fmt.Fprintf(&laughs, "a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d,", i), 8), i)
	}
	laughs.WriteString("nodes: *a20\n")
	for name, write := range map[string]func(io.Writer) error{
		"aliases":       text(laughs.String()),
		"merge":         text("recipe: m\na: &a {b: &b {c: d}}\nnodes:\n  <<: *a\n"),
		"itself":        text("recipe: m\nnodes: &n\n  a: *n\n"),
		"open brackets": func(w io.Writer) error { return repeat(w, "[", 1_000_000) },
		"brackets":      text("recipe: ", strings.Repeat("[", 20_000), strings.Repeat("]", 20_000)),
		"indents": func(w io.Writer) error {
			for i := range 3000 {
				fmt.Fprintf(w, "%*s- \n", i, "")
			}
			return nil
		},
		"list":     func(w io.Writer) error { return repeat(w, "- a\n", 2_000_000) },
		"flow":     text("recipe: x\nnodes: [", strings.Repeat("a,", 4_000_000), "]\n"),
		"keys":     func(w io.Writer) error { io.WriteString(w, "recipe: x\nnodes:\n"); return manyKeys(w, 500_000) },
		"one key":  text("recipe: x\n", strings.Repeat("k", 8_000_000), ": 1\n"),
		"json":     text(strings.Repeat(`{"recipe":`, 700_000)),
		"nul":      text("recipe: x\x00y\nnodes: {}\n"),
		"not text": text("recipe: \xff\xfe\nnodes: {}\n"),
		"utf-16":   text("\xff\xfer\x00e\x00c\x00i\x00p\x00e\x00:\x00 \x00x\x00"),
		"empty":    text(""),
		"a number": text("7"),
	} {
		t.Run(name, func(t *testing.T) { refused(t, write, 0, "SL") })
	}
}

func manyKeys(w io.Writer, n int) error {
	for i := range n {
		if _, err := fmt.Fprintf(w, "  k%d: {}\n", i); err != nil {
			return err
		}
	}
	return nil
}
