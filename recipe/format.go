package recipe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The order of the fields of each sort of object, as Format writes them.
var (
	documentOrder = []string{"recipe", "description", "params", "inputs", "defaults", "nodes", "outputs", "tests", "ui"}
	paramOrder    = []string{"type", "default", "doc"}
	nodeOrder     = []string{"kind", "from", "field", "into", "config", "params", "parallel", "on_error", "retry", "max_dead", "pool"}
	settingOrder  = []string{"parallel", "on_error", "retry", "max_dead", "pool", "capacity", "overflow", "ttl"}
	retryOrder    = []string{"attempts", "backoff"}
	edgeOrder     = []string{"node", "port", "capacity", "overflow", "ttl"}
	outputOrder   = []string{"from", "doc"}
	testOrder     = []string{"name", "params", "given", "expect"}
)

// Format returns a recipe in its canonical form: fields in the order of the reference,
// indented by two spaces, JSON as JSON. Comments and the order of names are kept, and
// formatting twice changes nothing. The text must be YAML or JSON; it need not be a
// recipe without faults. An error says why the text was left alone.
func Format(text []byte) ([]byte, error) {
	want, faults := ParseValue("", text)
	if len(faults) > 0 {
		return nil, fmt.Errorf("line %d: %s", faults[0].Line, faults[0].Text)
	}
	const rounds = 5 // the YAML library may need a second look at where a comment belongs
	out := text
	for range rounds {
		format := formatYAML
		if json.Valid(out) {
			format = formatJSON
		}
		next, err := format(out)
		if err != nil {
			return nil, err
		}
		if bytes.Equal(next, out) {
			return out, sameMeaning(want, text, out)
		}
		out = next
	}
	return nil, fmt.Errorf("the comments stand where they cannot be kept in place")
}

// sameMeaning makes sure that formatting lost nothing.
func sameMeaning(want *Value, text, out []byte) error {
	got, faults := ParseValue("", out)
	if len(faults) > 0 {
		return fmt.Errorf("formatted, the text would not be YAML any more: %s", faults[0].Text)
	}
	if !equal(want, got) {
		return fmt.Errorf("formatted, the text would mean something else")
	}
	before, err := comments(text)
	if err != nil {
		return err
	}
	after, err := comments(out)
	if err != nil {
		return err
	}
	if !maps.Equal(before, after) {
		return fmt.Errorf("the comments stand where they cannot be kept")
	}
	return nil
}

// equal reports whether two values mean the same; the order of keys does not count.
func equal(a, b *Value) bool {
	if a.Shape != b.Shape || a.Text != b.Text || len(a.Items) != len(b.Items) {
		return false
	}
	if a.Shape != Mapping {
		return slices.EqualFunc(a.Items, b.Items, equal)
	}
	other := make(map[string]*Value, len(b.Keys))
	for i, k := range b.Keys {
		other[k.Name] = b.Items[i]
	}
	for i, k := range a.Keys {
		if v := other[k.Name]; v == nil || !equal(a.Items[i], v) {
			return false
		}
	}
	return true
}

// comments counts the lines of comments in a text.
func comments(text []byte) (map[string]int, error) {
	root, err := parseYAML(text)
	if err != nil {
		return nil, fmt.Errorf("comments: %w", err)
	}
	count := map[string]int{}
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		for _, c := range []string{n.HeadComment, n.LineComment, n.FootComment} {
			for line := range strings.Lines(c) {
				if line = strings.TrimSpace(line); line != "" {
					count[line]++
				}
			}
		}
		for _, c := range n.Content {
			walk(c)
		}
	}
	if root != nil {
		walk(root)
	}
	return count, nil
}

func formatJSON(text []byte) ([]byte, error) {
	root, err := parseYAML(text)
	if err != nil {
		return nil, err
	}
	reorder(root)
	p := &parser{}
	v := p.value(root, 0)
	if len(p.faults) > 0 {
		return nil, p.faults
	}
	var b bytes.Buffer
	if err := json.Indent(&b, v.AppendJSON(nil), "", "  "); err != nil {
		return nil, fmt.Errorf("format: %w", err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

func formatYAML(text []byte) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if doc.Kind == 0 {
		return text, nil // nothing but comments and space
	}
	if doc.Kind == yaml.DocumentNode && len(doc.Content) == 1 {
		reorder(doc.Content[0])
	}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(&doc); err != nil {
		return nil, fmt.Errorf("format: %w", err)
	}
	return b.Bytes(), nil
}

// reorder brings the fields of a recipe's objects into their order.
func reorder(root *yaml.Node) {
	order(root, documentOrder)
	each(child(root, "params"), func(n *yaml.Node) { order(n, paramOrder) })
	each(child(root, "inputs"), func(n *yaml.Node) { order(n, paramOrder) })
	each(child(root, "nodes"), func(n *yaml.Node) {
		order(n, nodeOrder)
		order(child(n, "retry"), retryOrder)
		from := child(n, "from")
		orderRefs(from)
		each(from, orderRefs)
	})
	each(child(root, "outputs"), func(n *yaml.Node) {
		order(n, outputOrder)
		orderRefs(child(n, "from"))
	})
	each(child(root, "tests"), func(n *yaml.Node) { order(n, testOrder) })
	order(child(root, "defaults"), settingOrder)
	order(child(child(root, "defaults"), "retry"), retryOrder)
}

// orderRefs orders a reference or the references in a list.
func orderRefs(n *yaml.Node) {
	if n != nil && n.Kind == yaml.SequenceNode {
		each(n, func(n *yaml.Node) { order(n, edgeOrder) })
	} else if child(n, "node") != nil { // a map of ports keeps its order
		order(n, edgeOrder)
	}
}

func child(n *yaml.Node, name string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

// each visits the values of a mapping or the items of a sequence.
func each(n *yaml.Node, visit func(*yaml.Node)) {
	switch {
	case n == nil:
	case n.Kind == yaml.SequenceNode:
		for _, c := range n.Content {
			visit(c)
		}
	case n.Kind == yaml.MappingNode:
		for i := 1; i < len(n.Content); i += 2 {
			visit(n.Content[i])
		}
	}
}

// order sorts the fields of a mapping by their place in names; others stay behind, in
// their own order.
func order(n *yaml.Node, names []string) {
	if n == nil || n.Kind != yaml.MappingNode {
		return
	}
	place := func(pair [2]*yaml.Node) int {
		if i := slices.Index(names, pair[0].Value); i >= 0 {
			return i
		}
		return len(names)
	}
	var pairs [][2]*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		pairs = append(pairs, [2]*yaml.Node{n.Content[i], n.Content[i+1]})
	}
	slices.SortStableFunc(pairs, func(a, b [2]*yaml.Node) int { return place(a) - place(b) })
	n.Content = n.Content[:0]
	for _, p := range pairs {
		n.Content = append(n.Content, p[0], p[1])
	}
}
