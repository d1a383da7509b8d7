package reference

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"sluice/nodes"
)

// categories is the order of listings; a category that is not here comes last.
var categories = []string{"source", "text", "data", "extract", "codec", "crypto", "math", "flow", "net", "detect", "host", "sink"}

// Category is the kinds of one category, by name.
type Category struct {
	Name  string
	Kinds []*nodes.Kind
}

// Categories sorts a catalogue for listings: sources first, sinks last.
func Categories(c *nodes.Catalogue) []Category {
	byName := map[string][]*nodes.Kind{}
	for _, k := range c.All() {
		byName[k.Category] = append(byName[k.Category], k)
	}
	rank := func(name string) int {
		if i := slices.Index(categories, name); i >= 0 {
			return i
		}
		return len(categories)
	}
	names := slices.Sorted(maps.Keys(byName))
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	var list []Category
	for _, name := range names {
		list = append(list, Category{name, byName[name]})
	}
	return list
}

// List writes all kinds of a catalogue with their types and summaries.
func List(w io.Writer, c *nodes.Catalogue) error {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, cat := range Categories(c) {
		if i > 0 {
			fmt.Fprintln(tab)
		}
		fmt.Fprintf(tab, "%s\n", cat.Name)
		for _, k := range cat.Kinds {
			p := Of(k)
			fmt.Fprintf(tab, "  %s\t%s\t%s\n", k.Kind, p.Signature(), k.Summary)
		}
	}
	return tab.Flush()
}

// Signature is the types of the ports, such as "string → bool".
func (p *Page) Signature() string {
	return strings.TrimSpace(portTypes(p.Inputs) + " → " + portTypes(p.Outputs))
}

func portTypes(list []Port) string {
	var parts []string
	for _, p := range list {
		typ, _, _ := strings.Cut(p.Type, " ")
		if p.Optional {
			typ += "?"
		}
		parts = append(parts, typ)
	}
	return strings.Join(parts, ", ")
}

// Text writes a page for a terminal.
func Text(w io.Writer, p Page) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s: %s\n", p.Kind, p.Summary)
	fmt.Fprintf(&b, "%s, %s, version %d\n", p.Category, p.Role, p.Version)
	if p.Doc != "" {
		fmt.Fprintf(&b, "\n%s\n", p.Doc)
	}
	for _, n := range p.Notes {
		fmt.Fprintf(&b, "\n%s\n", n)
	}
	if p.Guarantee != "" {
		fmt.Fprintf(&b, "\nAfter a crash: %s\n", p.Guarantee)
	}
	tab := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, side := range []struct {
		name string
		list []Port
	}{{"in", p.Inputs}, {"out", p.Outputs}} {
		if len(side.list) > 0 {
			fmt.Fprintf(&b, "\nports, %s\n", side.name)
			for _, port := range side.list {
				fmt.Fprintf(tab, "  %s\t%s\t%s\n", port.Name, port.typeWithOptional(), port.Doc)
			}
			tab.Flush()
		}
	}
	if len(p.Settings) > 0 {
		fmt.Fprint(&b, "\nsettings\n")
		for _, s := range p.Settings {
			fmt.Fprintf(tab, "  %s\t%s\t%s\t%s\n", s.Name, s.Type, s.Doc, s.Rule())
		}
		tab.Flush()
	}
	for i, e := range p.Examples {
		fmt.Fprintf(&b, "\nexample %d", i+1)
		if e.Doc != "" {
			fmt.Fprintf(&b, ": %s", e.Doc)
		}
		fmt.Fprintln(&b)
		for _, line := range e.lines(&p) {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	_, err := w.Write(tidy(b.Bytes()))
	return err
}

func (p Port) typeWithOptional() string {
	if p.Optional {
		return p.Type + ", optional"
	}
	return p.Type
}

// Rule says what values a setting can have, and which it has when it is left out.
func (s *Setting) Rule() string {
	var parts []string
	switch {
	case s.Required:
		parts = append(parts, "required")
	case s.Default != nil:
		text, err := json.Marshal(s.Default)
		if err != nil {
			text = fmt.Append(nil, s.Default)
		}
		parts = append(parts, "default "+string(text))
	default:
		parts = append(parts, "optional")
	}
	unit := ""
	if s.Type == "duration" {
		unit = " s"
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) + unit }
	switch {
	case s.Min != nil && s.Max != nil:
		parts = append(parts, number(*s.Min)+" to "+number(*s.Max))
	case s.Min != nil:
		parts = append(parts, "at least "+number(*s.Min))
	case s.Max != nil:
		parts = append(parts, "at most "+number(*s.Max))
	}
	if len(s.Enum) > 0 {
		parts = append(parts, "one of "+strings.Join(s.Enum, ", "))
	}
	if s.Format != "" {
		parts = append(parts, s.Format)
	}
	return strings.Join(parts, "; ")
}

// lines is an example, a line each: settings, what goes in, what comes out.
func (e *Example) lines(p *Page) []string {
	var out []string
	if e.Config != "" {
		for i, line := range strings.Split(e.Config, "\n") {
			out = append(out, []string{"config: ", "        "}[min(i, 1)]+line)
		}
	}
	if e.Field != "" {
		out = append(out, "field: "+e.Field)
	}
	if e.Into != "" {
		out = append(out, "into: "+e.Into)
	}
	texts := func(label string, m map[string]string) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			out = append(out, fmt.Sprintf("%s %s: %s", label, name, clip(strconv.Quote(m[name]))))
		}
	}
	texts("file", e.Files)
	if e.Stdin != "" {
		out = append(out, "stdin: "+clip(strconv.Quote(e.Stdin)))
	}
	sides := func(arrow string, list []Port, m map[string][]string) {
		for _, port := range list {
			if vs, ok := m[port.Name]; ok {
				name := ""
				if len(list) > 1 {
					name = port.Name + ": "
				}
				out = append(out, arrow+" "+name+clip(strings.Join(vs, ", ")))
			}
		}
	}
	sides("in ", p.Inputs, e.In)
	sides("out", p.Outputs, e.Out)
	for _, d := range e.Dead {
		out = append(out, "dead letter: …"+d+"…")
	}
	texts("wrote", e.Wrote)
	if e.Prints != "" {
		out = append(out, "prints: "+clip(strconv.Quote(e.Prints)))
	}
	return out
}

// clip bounds what an example shows of long values.
func clip(s string) string {
	const most = 300
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most]) + "…"
}

func tidy(text []byte) []byte {
	lines := bytes.Split(text, []byte("\n"))
	for i := range lines {
		lines[i] = bytes.TrimRight(lines[i], " ")
	}
	return bytes.Join(lines, []byte("\n"))
}
