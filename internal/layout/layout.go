// Package layout puts a recipe's text into the standard layout: sections in the order of
// the guide, two blanks of indent, the values of one-line nodes in a column, comments and
// single empty lines kept. It changes nothing of what the recipe says, and checks that.
//
// It knows YAML and the names of the sections, not what they mean: a recipe that the
// compiler refuses can be laid out too, as long as it is YAML.
package layout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// sections is the order of the document's keys; others follow as they were.
var sections = []string{"$schema", "recipe", "description", "params", "inputs", "defaults", "nodes", "outputs", "tests", "ui"}

// nodeKeys is the order of a node's keys.
var nodeKeys = []string{"kind", "from", "field", "into", "params", "config"}

// rounds bounds how often a text is laid out anew until it stays as it is. Comments in odd
// places can need a second round.
const rounds = 4

// Format returns the text in the standard layout. A text that is JSON stays JSON.
// Formatting twice gives what formatting once gives.
func Format(text []byte) ([]byte, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if !utf8.Valid(text) { // which package json would let pass inside strings
		return nil, errors.New("a recipe is UTF-8 text, and this is not")
	}
	for range rounds {
		next, err := once(text)
		if err != nil || bytes.Equal(next, text) {
			return next, err
		}
		text = next
	}
	return nil, errors.New("the layout does not settle; the recipe stays as it is")
}

func once(text []byte) ([]byte, error) {
	if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 && trimmed[0] == '{' && json.Valid(trimmed) {
		var b bytes.Buffer
		if err := json.Indent(&b, trimmed, "", "  "); err != nil {
			return nil, err
		}
		b.WriteByte('\n')
		return b.Bytes(), nil
	}
	before, err := parse(text)
	if err != nil {
		return nil, err
	}
	if len(before.Content) != 1 || before.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("a recipe is a mapping of sections, such as nodes")
	}
	gaps := emptyLines(text)
	after, err := parse(text)
	if err != nil {
		return nil, err
	}
	after.Content[0].Style &^= yaml.FlowStyle
	order(after.Content[0])
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(after); err != nil {
		return nil, fmt.Errorf("writing YAML: %w", err)
	}
	out, err := keepGaps(b.Bytes(), after, gaps)
	if err != nil {
		return nil, err
	}
	out = align(out)
	return out, sameMeaning(after, out)
}

func parse(text []byte) (*yaml.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the file is empty")
		}
		return nil, fmt.Errorf("reading YAML: %w", err)
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("the file has more than one document")
	}
	return &doc, nil
}

// order sorts the sections, and the keys of nodes.
func order(root *yaml.Node) {
	sortKeys(root, sections)
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value != "nodes" || root.Content[i+1].Kind != yaml.MappingNode {
			continue
		}
		for k := 1; k < len(root.Content[i+1].Content); k += 2 {
			if node := root.Content[i+1].Content[k]; node.Kind == yaml.MappingNode {
				sortKeys(node, nodeKeys)
			}
		}
	}
}

func sortKeys(m *yaml.Node, first []string) {
	type pair struct{ key, value *yaml.Node }
	var pairs []pair
	for i := 0; i+1 < len(m.Content); i += 2 {
		pairs = append(pairs, pair{m.Content[i], m.Content[i+1]})
	}
	rank := func(p pair) int {
		if i := slices.Index(first, p.key.Value); i >= 0 {
			return i
		}
		return len(first)
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return rank(a) - rank(b) })
	m.Content = m.Content[:0]
	for _, p := range pairs {
		m.Content = append(m.Content, p.key, p.value)
	}
}

// emptyLines returns the numbers of the lines that follow an empty one.
func emptyLines(text []byte) map[int]bool {
	gaps := map[int]bool{}
	lines := strings.Split(string(text), "\n")
	for i := 1; i < len(lines); i++ {
		if strings.TrimSpace(lines[i-1]) == "" {
			gaps[i+1] = true
		}
	}
	return gaps
}

// keepGaps puts an empty line before each key and item that had one before it, or before
// its comment. It walks the tree as it was and as it was written side by side.
func keepGaps(out []byte, was *yaml.Node, gaps map[int]bool) ([]byte, error) {
	now, err := parse(out)
	if err != nil {
		return nil, err
	}
	before := map[int]bool{} // lines of out that want an empty line before them
	var visit func(was, now *yaml.Node)
	visit = func(was, now *yaml.Node) {
		step := 1
		if was.Kind == yaml.MappingNode {
			step = 2
		}
		for i := 0; i < len(was.Content) && i < len(now.Content); i++ {
			w, n := was.Content[i], now.Content[i]
			head := strings.Count(w.HeadComment, "\n")
			if w.HeadComment != "" {
				head++
			}
			if was.Style&yaml.FlowStyle == 0 && i%step == 0 && i > 0 && gaps[w.Line-head] {
				before[n.Line-head] = true
			}
			visit(w, n)
		}
	}
	visit(was.Content[0], now.Content[0])
	var b bytes.Buffer
	lines := strings.SplitAfter(string(out), "\n")
	for i, line := range lines {
		if before[i+1] && i > 0 && strings.TrimSpace(lines[i-1]) != "" {
			b.WriteByte('\n')
		}
		b.WriteString(line)
	}
	return b.Bytes(), nil
}

// align puts the values of neighbouring one-line entries of nodes and params in a column.
func align(text []byte) []byte {
	lines := strings.Split(string(text), "\n")
	within := false
	for i := 0; i < len(lines); {
		if lines[i] != "" && lines[i][0] != ' ' && lines[i][0] != '#' {
			within = slices.Contains([]string{"nodes:", "params:", "inputs:", "outputs:"}, strings.TrimSpace(lines[i]))
		}
		end := i
		for within && end < len(lines) && oneLine(lines[end]) {
			end++
		}
		if end == i {
			i++
			continue
		}
		width := 0
		for _, line := range lines[i:end] {
			width = max(width, strings.Index(line, ": {"))
		}
		for k := i; k < end; k++ {
			at := strings.Index(lines[k], ": {")
			lines[k] = lines[k][:at+1] + strings.Repeat(" ", width-at) + lines[k][at+1:]
		}
		i = end
	}
	return []byte(strings.Join(lines, "\n"))
}

// oneLine reports whether a line is NAME: {…} at the first level.
func oneLine(line string) bool {
	at := strings.Index(line, ": {")
	if at < 3 || !strings.HasPrefix(line, "  ") || !utf8.ValidString(line) {
		return false
	}
	return !strings.ContainsAny(line[2:at], " \"'#{")
}

// sameMeaning makes sure that nothing but the layout changed.
func sameMeaning(want *yaml.Node, out []byte) error {
	got, err := parse(out)
	if err != nil {
		return fmt.Errorf("laying the recipe out would break it: %w", err)
	}
	if !equal(want, got) {
		return errors.New("laying the recipe out would change what it says; it stays as it is")
	}
	return nil
}

func equal(a, b *yaml.Node) bool {
	if a.Kind != b.Kind || a.Value != b.Value || a.ShortTag() != b.ShortTag() || a.Anchor != b.Anchor || len(a.Content) != len(b.Content) {
		return false
	}
	for i := range a.Content {
		if !equal(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}
