package recipe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"

	"go.yaml.in/yaml/v3"
)

const (
	maxNesting = 100       // levels of lists and maps in a document
	maxMarks   = 600_000   // of a document: lines, commas and whatever else begins a value
	maxValues  = 1_000_000 // values of a document, aliases counted as what they stand for
)

// ParseValue reads one YAML or JSON text. Anchors and aliases are resolved, within
// bounds; merge keys, tags of one's own and several documents are refused.
func ParseValue(file string, text []byte) (*Value, Diagnostics) {
	p := &parser{file: file}
	if len(text) > MaxDocument {
		return nil, p.fault(CodeTooLarge, Place{1, 1}, fmt.Sprintf("the document has %d bytes; it may have %d", len(text), MaxDocument))
	}
	if n := marks(text); n > maxMarks {
		return nil, p.fault(CodeTooLarge, Place{1, 1}, fmt.Sprintf("the document has %d lines and items; it may have %d", n, maxMarks))
	}
	root, err := parseYAML(text)
	if err != nil {
		why, line := yamlFault(err, text)
		return nil, p.fault(CodeSyntax, Place{line, 1}, why)
	}
	if root == nil {
		return &Value{Place: Place{1, 1}}, nil
	}
	v := p.value(root, 0)
	return v, p.faults
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

func parseYAML(text []byte) (*yaml.Node, error) {
	if bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) && json.Valid(text) {
		text = withoutJSONOnly(text)
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	var more yaml.Node
	if err := dec.Decode(&more); err == nil {
		return nil, fmt.Errorf("yaml: line %d: a file holds one document, and a second one starts here", more.Line)
	} else if !errors.Is(err, io.EOF) {
		return nil, err
	}
	if doc.Kind == yaml.DocumentNode {
		return doc.Content[0], nil
	}
	return &doc, nil
}

var jsonOnly = regexp.MustCompile(`\\\\|\\/|\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})`)

// withoutJSONOnly replaces what JSON can write and YAML cannot: a character as two
// escapes, and an escaped slash.
func withoutJSONOnly(text []byte) []byte {
	return jsonOnly.ReplaceAllFunc(text, func(m []byte) []byte {
		switch {
		case string(m) == `\/`:
			return []byte("/")
		case len(m) != 12:
			return m
		}
		hi, _ := strconv.ParseUint(string(m[2:6]), 16, 16)
		lo, _ := strconv.ParseUint(string(m[8:12]), 16, 16)
		return []byte(string(utf16.DecodeRune(rune(hi), rune(lo))))
	})
}

var (
	yamlLine = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+)(?:, column \d+)?: )?`)
	// What the library's parser reports, other than its scanner, has a line too low by one.
	yamlParser = regexp.MustCompile(`did not find expected (key|node content|'-' indicator|',' or|<)`)
	yamlAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// yamlFault takes the YAML library's error apart into a sentence and a line.
func yamlFault(err error, text []byte) (string, int) {
	why := err.Error()
	m := yamlLine.FindStringSubmatch(why)
	line, _ := strconv.Atoi(m[1])
	why = strings.ReplaceAll(strings.TrimPrefix(why, m[0]), "\n", " ")
	if a := yamlAnchor.FindStringSubmatch(why); a != nil {
		why = "the alias *" + a[1] + " has no anchor"
		if i := bytes.Index(text, []byte("*"+a[1])); i >= 0 {
			line = 1 + bytes.Count(text[:i], []byte("\n"))
		}
	}
	if m[1] != "" && yamlParser.MatchString(why) {
		line++
	}
	return "the text is not YAML: " + why, min(max(line, 1), 1+bytes.Count(text, []byte("\n")))
}

type parser struct {
	file   string
	faults Diagnostics
	values int
	within map[*yaml.Node]bool // aliases being resolved
}

func (p *parser) fault(code Code, at Place, text string) Diagnostics {
	p.faults = append(p.faults, Diagnostic{Code: code, File: p.file, Line: at.Line, Col: at.Col, Text: text})
	return p.faults
}

func (p *parser) value(n *yaml.Node, depth int) *Value {
	v := &Value{Place: Place{n.Line, n.Column}}
	p.values++
	switch {
	case p.values > maxValues:
		if p.values == maxValues+1 {
			p.fault(CodeTooLarge, v.Place, fmt.Sprintf("the document's aliases stand for more than %d values", maxValues))
		}
		return v
	case depth > maxNesting:
		p.values = maxValues + 1 // one such fault is enough
		p.fault(CodeTooLarge, v.Place, fmt.Sprintf("the document is nested more than %d levels deep", maxNesting))
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
		p.fault(CodeTooLarge, v.Place, "the alias *"+n.Value+" stands for something that contains it")
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
			p.fault(CodeValue, at, "a key must be a text")
			continue
		case k.ShortTag() == "!!merge":
			p.fault(CodeField, at, "merge keys (<<) are not part of recipes")
			continue
		case seen[k.Value]:
			p.fault(CodeTwice, at, fmt.Sprintf("the key %s is given twice", clip(k.Value)))
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
	case "!!null":
		v.Text = ""
	case "!!bool":
		v.Shape = Boolean
		v.Text = strings.ToLower(n.Value)
		if v.Text != "true" && v.Text != "false" {
			p.fault(CodeValue, v.Place, clip(n.Value)+" is neither true nor false")
		}
	case "!!int", "!!float":
		p.number(n, v)
	default:
		p.fault(CodeValue, v.Place, "the tag "+clip(tag)+" is not part of recipes")
	}
}

func (p *parser) number(n *yaml.Node, v *Value) {
	var x any
	if err := n.Decode(&x); err != nil {
		p.fault(CodeValue, v.Place, clip(n.Value)+" is not a number")
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
			p.fault(CodeValue, v.Place, clip(n.Value)+" is not a number that a recipe can hold")
		}
		v.Text = string(b)
	default:
		p.fault(CodeValue, v.Place, clip(n.Value)+" is not a number")
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
