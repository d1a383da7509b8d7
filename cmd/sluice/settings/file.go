package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"

	"sluice/recipe"
)

// parse reads a settings file: a map from names to values. What can't be used is a fault with
// its place; the values that can are returned all the same.
func parse(path string, text []byte, service string, flags []*kong.Flag) (map[string]value, []error) {
	p := &parser{path: path, service: service, flags: flags, found: map[string]value{}}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF): // nothing is set
		return p.found, nil
	case err != nil:
		return p.found, []error{p.syntax(err)}
	}
	switch err := dec.Decode(&more); {
	case err == nil:
		p.fault(&more, "a settings file holds one document")
	case !errors.Is(err, io.EOF):
		p.faults = append(p.faults, p.syntax(err))
	}
	root := doc.Content[0]
	switch {
	case root.Tag == "!!null":
	case root.Kind != yaml.MappingNode:
		p.fault(root, "a settings file is a map from names to values, such as log-level: info")
	default:
		for i := 0; i < len(root.Content); i += 2 {
			p.setting(root.Content[i], root.Content[i+1])
		}
	}
	return p.found, p.faults
}

type parser struct {
	path, service string
	flags         []*kong.Flag
	found         map[string]value
	seen          map[string]int // the line of each name
	faults        []error
}

func (p *parser) fault(n *yaml.Node, format string, args ...any) {
	p.faults = append(p.faults, fmt.Errorf("%s:%d:%d: %s", p.path, n.Line, n.Column, fmt.Sprintf(format, args...)))
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// syntax gives an error of the YAML reader its place.
func (p *parser) syntax(err error) error {
	m := yamlLine.FindStringSubmatch(err.Error())
	if m == nil || m[1] == "" {
		return fmt.Errorf("%s:1:1: no YAML: %w", p.path, err)
	}
	return fmt.Errorf("%s:%s:1: no YAML: %s", p.path, m[1], m[2])
}

// setting takes one line of the file.
func (p *parser) setting(key, v *yaml.Node) {
	name := key.Value
	if p.seen == nil {
		p.seen = map[string]int{}
	}
	if first, twice := p.seen[name]; twice {
		p.fault(key, "%s is set twice, first in line %d", name, first)
		return
	}
	p.seen[name] = key.Line
	flag := p.named(name)
	if flag == nil {
		p.fault(key, "%s", p.unknown(name))
		return
	}
	text, ok := p.text(flag, v)
	if ok {
		p.found[name] = value{text, fmt.Sprintf("%s:%d", p.path, v.Line), p.places(v)}
	}
}

// places are those of a value: one, or that of each item of a list.
func (p *parser) places(v *yaml.Node) (all []string) {
	nodes := []*yaml.Node{v}
	if len(v.Content) > 0 {
		nodes = v.Content
	}
	for _, n := range nodes {
		all = append(all, fmt.Sprintf("%s:%d:%d", p.path, n.Line, n.Column))
	}
	return all
}

func (p *parser) named(name string) *kong.Flag {
	for _, f := range p.flags {
		if f.Name == name && name != "config" {
			return f
		}
	}
	return nil
}

// unknown says what may have been meant by a name that is no setting of the service.
func (p *parser) unknown(name string) string {
	var names []string
	for _, f := range p.flags {
		if f.Name == name {
			return "config names the file, and can't be set in it"
		}
		names = append(names, f.Name)
	}
	var others []string
	for _, s := range Services {
		if _, flags, err := model(s); err == nil && s != p.service {
			if (&parser{flags: flags}).named(name) != nil {
				others = append(others, s)
			}
		}
	}
	if others != nil {
		return fmt.Sprintf("%s is no setting of %s, but of %s", name, p.service, strings.Join(others, " and "))
	}
	if near := recipe.Nearest(name, names); near != "" {
		return fmt.Sprintf("%q is no setting of %s; did you mean %s?", name, p.service, near)
	}
	return fmt.Sprintf("%q is no setting of %s", name, p.service)
}

// text returns a value as a command line would have it.
func (p *parser) text(f *kong.Flag, v *yaml.Node) (string, bool) {
	if !f.IsSlice() {
		return v.Value, p.scalar(f, f.Target.Type(), v)
	}
	if v.Kind != yaml.SequenceNode {
		p.fault(v, "%s is a list; each value is %s", f.Name, wanted(f))
		return "", false
	}
	var words []string
	sound := true
	for _, item := range v.Content {
		sound = p.scalar(f, f.Target.Type().Elem(), item) && sound
		words = append(words, strings.ReplaceAll(item.Value, ",", `\,`))
	}
	return strings.Join(words, ","), sound
}

// scalar reports whether a value has the setting's type, and can be used.
func (p *parser) scalar(f *kong.Flag, t reflect.Type, v *yaml.Node) bool {
	if v.Kind != yaml.ScalarNode || !fits(t, v.Tag) {
		hint := ""
		if v.Kind == yaml.ScalarNode && v.Tag != "!!null" && t.Kind() == reflect.String {
			hint = "; put it in quotes"
		}
		p.fault(v, "%s is %s, not %s%s", f.Name, wanted(f), what(v), hint)
		return false
	}
	text := v.Value
	if f.IsSlice() {
		text = strings.ReplaceAll(text, ",", `\,`)
	}
	if err := try(f, text); err != nil {
		p.fault(v, "%s: %v", f.Name, err)
		return false
	}
	return true
}

// fits reports whether a YAML value of a tag can be one of a type.
func fits(t reflect.Type, tag string) bool {
	switch {
	case t == reflect.TypeFor[Size]():
		return tag == "!!str" || tag == "!!int"
	case t == durationType || isText(t):
		return tag == "!!str"
	}
	switch t.Kind() {
	case reflect.Bool:
		return tag == "!!bool"
	case reflect.Int:
		return tag == "!!int"
	case reflect.Float64:
		return tag == "!!float" || tag == "!!int"
	}
	return tag == "!!str"
}

// what says what a YAML value is.
func what(v *yaml.Node) string {
	switch {
	case v.Kind == yaml.SequenceNode:
		return "a list"
	case v.Kind == yaml.MappingNode:
		return "a map"
	case v.Kind == yaml.AliasNode:
		return "an alias"
	}
	switch v.Tag {
	case "!!null":
		return "nothing"
	case "!!bool":
		return "true or false"
	case "!!int", "!!float":
		return "a number"
	case "!!str":
		return "a text"
	}
	return "a value of the type " + strings.TrimPrefix(v.Tag, "!!")
}
