package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sluice/coordinator/compile"
	"sluice/nodes"
	"sluice/recipe"
)

// diagnostics runs the compiler over the bad recipes and returns the page that shows
// what each is told, and all codes.
func diagnostics(root string, catalogue *nodes.Catalogue) ([]byte, error) {
	files, err := filepath.Glob(filepath.Join(root, "docs", "diagnostics", "*.yaml"))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("<!-- Generated from docs/diagnostics by `make generate`. -->\n\n# What faulty recipes are told\n\n")
	fmt.Fprintf(&b, "`sluice validate` reports all faults of a phase at once, as `FILE:LINE:COL: CODE: text; hint`, and exits 2.\n"+
		"Here are %d recipes with a fault, and the words for it.\n", len(files))
	b.WriteString("\n| recipe | where | code | what it is told |\n|---|---|---|---|\n")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		name := filepath.Base(file)
		load := func(from, ref string) (string, []byte, error) {
			path := filepath.Base(ref)
			text, err := os.ReadFile(filepath.Join(root, "docs", "diagnostics", path))
			return path, text, err
		}
		_, faults := compile.Compile(name, text, compile.Options{Catalogue: catalogue, Load: load})
		if len(faults) == 0 {
			return nil, fmt.Errorf("%s has no fault", file)
		}
		for i, d := range faults {
			cell := ""
			if i == 0 {
				cell = fmt.Sprintf("[%s](diagnostics/%s)", strings.TrimSuffix(name, ".yaml"), name)
			}
			words := d.Text
			if d.Hint != "" {
				words += "; " + d.Hint
			}
			fmt.Fprintf(&b, "| %s | %d:%d | %s | %s |\n", cell, d.Line, d.Col, d.Code, escape(words))
		}
	}
	b.WriteString("\n## All codes\n\nA code keeps its meaning for good. The hundreds are the phase that finds the fault.\n\n| code | meaning |\n|---|---|\n")
	for _, m := range recipe.Codes() {
		fmt.Fprintf(&b, "| %s | %s |\n", m.Code, escape(m.Text))
	}
	return b.Bytes(), nil
}

// escape keeps a text from being read as Markdown.
func escape(s string) string {
	return strings.NewReplacer("|", "\\|", "<", "&lt;", ">", "&gt;", "*", "\\*", "\n", " ").Replace(s)
}
