package reference

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"sluice/nodes"
)

const generated = "<!-- Generated from the kinds' specs by `make generate`; change those. -->\n\n"

// Markdown writes the page of docs/kinds.
func Markdown(w io.Writer, p Page) error {
	var b bytes.Buffer
	b.WriteString(generated)
	fmt.Fprintf(&b, "# %s\n\n%s. Category %s, %s, version %d.\n", p.Kind, p.Summary, p.Category, p.Role, p.Version)
	if p.Doc != "" {
		fmt.Fprintf(&b, "\n%s\n", p.Doc)
	}
	for _, n := range p.Notes {
		fmt.Fprintf(&b, "\n%s\n", n)
	}
	if p.Guarantee != "" {
		fmt.Fprintf(&b, "\nAfter a crash: %s\n", p.Guarantee)
	}
	if len(p.Inputs)+len(p.Outputs) > 0 {
		b.WriteString("\n## Ports\n\n| port | | type | what |\n|---|---|---|---|\n")
		for _, port := range p.Inputs {
			fmt.Fprintf(&b, "| `%s` | in | %s | %s |\n", port.Name, cell(port.typeWithOptional()), cell(port.Doc))
		}
		for _, port := range p.Outputs {
			fmt.Fprintf(&b, "| `%s` | out | %s | %s |\n", port.Name, cell(port.typeWithOptional()), cell(port.Doc))
		}
	}
	if len(p.Settings) > 0 {
		b.WriteString("\n## Settings\n\n| setting | type | what | |\n|---|---|---|---|\n")
		for _, s := range p.Settings {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.Name, cell(s.Type), cell(s.Doc), cell(s.Rule()))
		}
	}
	if len(p.Examples) > 0 {
		b.WriteString("\n## Examples\n")
	}
	for i, e := range p.Examples {
		title := e.Doc
		if title == "" {
			title = fmt.Sprintf("Example %d", i+1)
		}
		fmt.Fprintf(&b, "\n%s:\n\n```text\n%s\n```\n", strings.TrimSuffix(title, "."), strings.Join(e.lines(&p), "\n"))
	}
	_, err := w.Write(tidy(b.Bytes()))
	return err
}

// Index writes the list of all kinds that docs/kinds begins with.
func Index(w io.Writer, c *nodes.Catalogue) error {
	var b bytes.Buffer
	b.WriteString(generated)
	fmt.Fprintf(&b, "# Kinds of nodes\n\nThe %d kinds of this build. `sluice kinds` lists them, `sluice kinds NAME` explains one.\n", len(c.All()))
	for _, cat := range Categories(c) {
		fmt.Fprintf(&b, "\n## %s\n\n| kind | records | what it does |\n|---|---|---|\n", cat.Name)
		for _, k := range cat.Kinds {
			p := Of(k)
			fmt.Fprintf(&b, "| [%s](%s.md) | %s | %s |\n", k.Kind, k.Kind, cell(p.Signature()), cell(k.Summary))
		}
	}
	_, err := w.Write(tidy(b.Bytes()))
	return err
}

// cell makes a text fit for a cell of a table.
func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "<", "&lt;", ">", "&gt;").Replace(s)
}
