package recipe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	maxNesting = 100       // levels of lists and maps in a document
	maxMarks   = 300_000   // of a document: lines, commas and whatever else begins a value
	maxValues  = 1_000_000 // values of a document, aliases counted as what they stand for
)

// ParseValue reads one YAML or JSON text. Anchors and aliases are resolved, within
// bounds; merge keys, tags of one's own and several documents are refused.
func ParseValue(file string, text []byte) (*Value, Diagnostics) {
	p := &parser{file: file}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if len(text) > MaxDocument {
		return nil, p.fault(CodeTooLarge, Place{1, 1}, fmt.Sprintf("the document has %d bytes; it may have %d", len(text), MaxDocument), "")
	}
	if n := marks(text); n > maxMarks {
		return nil, p.fault(CodeTooLarge, Place{1, 1}, fmt.Sprintf("the document has %d lines and items; it may have %d", n, maxMarks), "")
	}
	if at, ok := checkUTF8(text); !ok {
		return nil, p.fault(CodeSyntax, at, "the text is not UTF-8", "save it as UTF-8")
	}
	var notJSON error
	var at Place
	if looksJSON(text) {
		if at, notJSON = jsonFault(text); notJSON == nil {
			v := p.json(text)
			return v, p.faults
		}
	}
	root, err := p.yaml(text)
	if err && notJSON != nil {
		p.faults = nil
		hint := ""
		if strings.Contains(notJSON.Error(), "character '/'") {
			hint = "JSON has no comments; YAML has, after #"
		}
		return nil, p.fault(CodeSyntax, at, "the text is not JSON: "+notJSON.Error(), hint)
	}
	return root, p.faults
}

// yaml reads a YAML text, and reports whether it is none.
func (p *parser) yaml(text []byte) (*Value, bool) {
	if r, at, ok := checkCharacters(text); !ok {
		p.fault(CodeSyntax, at, fmt.Sprintf("the text is not YAML: it has the control character U+%04X", r), fmt.Sprintf(`write it as "\u%04x"`, r))
		return nil, true
	}
	root, err := parseYAML(text)
	if err != nil {
		why, at, hint := yamlFault(err, text)
		p.fault(CodeSyntax, at, why, hint)
		return nil, true
	}
	if root == nil {
		return &Value{Place: Place{1, 1}}, false
	}
	return p.value(root, 0), false
}

// marks counts what can begin a value, before the YAML library spends half a kilobyte
// on each.
func marks(text []byte) int {
	n := 0
	for i, c := range text {
		switch c {
		case '\n', ',', '[', '{':
			n++
		case ' ', '\t':
			if i > 0 && (text[i-1] == '-' || text[i-1] == '?') {
				n++
			}
		}
	}
	return n
}

type parser struct {
	file   string
	faults Diagnostics
	values int
	within map[*yaml.Node]bool // aliases being resolved
	deep   bool                // JSON nested too deeply has been reported
}

func (p *parser) fault(code Code, at Place, text, hint string) Diagnostics {
	p.faults = append(p.faults, Diagnostic{Code: code, File: p.file, Line: at.Line, Col: at.Col, Text: text, Hint: hint})
	return p.faults
}

func (p *parser) tooDeep(at Place) {
	p.fault(CodeTooLarge, at, fmt.Sprintf("the document is nested more than %d levels deep", maxNesting), "")
}

func (p *parser) value(n *yaml.Node, depth int) *Value {
	v := &Value{Place: Place{n.Line, n.Column}}
	p.values++
	switch {
	case p.values > maxValues:
		if p.values == maxValues+1 {
			p.fault(CodeTooLarge, v.Place, fmt.Sprintf("the document's aliases stand for more than %d values", maxValues), "")
		}
		return v
	case depth > maxNesting:
		p.values = maxValues + 1 // one such fault is enough
		p.tooDeep(v.Place)
		return v
	}
	switch n.Kind {
	case yaml.AliasNode:
		return p.alias(n, v, depth)
	case yaml.ScalarNode:
		p.scalar(n, v)
	case yaml.SequenceNode:
		v.Shape = Sequence
		v.Items = make([]*Value, len(n.Content))
		for i, c := range n.Content {
			v.Items[i] = p.value(c, depth+1)
		}
	case yaml.MappingNode:
		p.mapping(n, v, depth)
	}
	return v
}

func (p *parser) alias(n *yaml.Node, v *Value, depth int) *Value {
	if n.Alias == nil || p.within[n.Alias] {
		p.fault(CodeTooLarge, v.Place, "the alias *"+n.Value+" stands for something that contains it", "")
		return v
	}
	if p.within == nil {
		p.within = map[*yaml.Node]bool{}
	}
	p.within[n.Alias] = true
	v = p.value(n.Alias, depth+1)
	delete(p.within, n.Alias)
	return v
}

func (p *parser) mapping(n *yaml.Node, v *Value, depth int) {
	v.Shape = Mapping
	seen := make(map[string]bool, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		at := Place{k.Line, k.Column}
		switch {
		case k.Kind != yaml.ScalarNode:
			p.fault(CodeValue, at, "a key must be a text", "")
			continue
		case k.ShortTag() == "!!merge":
			p.fault(CodeField, at, "merge keys (<<) are not part of recipes", "")
			continue
		case seen[k.Value]:
			p.fault(CodeTwice, at, fmt.Sprintf("the key %s is given twice", clip(k.Value)), "")
			continue
		}
		seen[k.Value] = true
		v.Keys = append(v.Keys, Key{k.Value, at})
		v.Items = append(v.Items, p.value(n.Content[i+1], depth+1))
	}
}

func (p *parser) scalar(n *yaml.Node, v *Value) {
	v.Text = n.Value
	switch tag := n.ShortTag(); tag {
	case "!!str", "!!timestamp":
		v.Shape = Text
		if n.Style == 0 && isNumber(n.Value) { // beyond what the library takes for a number
			v.setNumber(n.Value)
		}
	case "!!null":
		v.Text = ""
	case "!!bool":
		v.Shape = Boolean
		v.Text = strings.ToLower(n.Value)
		if v.Text != "true" && v.Text != "false" {
			p.fault(CodeValue, v.Place, clip(n.Value)+" is neither true nor false", "")
		}
	case "!!int", "!!float":
		p.number(n, v)
	default:
		p.fault(CodeValue, v.Place, "the tag "+clip(tag)+" is not part of recipes", "")
	}
}

var leadingZero = regexp.MustCompile(`^([-+]?)0+([0-9_]+)$`)

func isNumber(text string) bool {
	return text != "" && (text[0] == '-' || text[0] >= '0' && text[0] <= '9') && json.Valid([]byte(text))
}

func (p *parser) number(n *yaml.Node, v *Value) {
	if m := leadingZero.FindStringSubmatch(n.Value); m != nil {
		p.fault(CodeValue, v.Place, clip(n.Value)+" begins with 0, which some read as a number with the base 8", "write "+m[1]+clip(m[2])+", or put a text in quotes")
		return
	}
	var x any
	if err := n.Decode(&x); err != nil {
		p.fault(CodeValue, v.Place, clip(n.Value)+" is not a number", "")
		return
	}
	v.Shape = Integer
	switch x := x.(type) {
	case int, int64, uint64:
		v.Text = fmt.Sprint(x)
	case float64:
		v.Shape = Real
		if json.Valid([]byte(n.Value)) {
			return // exact, as it was written
		}
		b, err := json.Marshal(x)
		if err != nil {
			p.fault(CodeValue, v.Place, clip(n.Value)+" is not a number that a recipe can hold", "")
		}
		v.Text = string(b)
	default:
		p.fault(CodeValue, v.Place, clip(n.Value)+" is not a number", "")
	}
}

// clip shortens what a document says for use in a diagnostic.
func clip(s string) string {
	const most = 60
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
