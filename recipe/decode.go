package recipe

import (
	"fmt"
	"strings"
)

// Decode reads a recipe document from YAML or JSON. The document is nil only when
// the text cannot be parsed at all; otherwise it holds what could be read, and the
// diagnostics say, in the order of the text, what could not.
func Decode(file string, text []byte) (*Document, Diagnostics) {
	root, faults := ParseValue(file, text)
	if len(faults) > 0 {
		return nil, faults
	}
	d := &decoder{doc: &Document{File: file, Place: root.Place}}
	d.document(root)
	return d.doc, d.faults
}

type decoder struct {
	doc    *Document
	faults Diagnostics
	hints  int
}

// field is one field that an object may have.
type field struct {
	name string
	read func(v *Value, path string)
}

func (d *decoder) fault(code Code, at Place, path, text, hint string) {
	d.faults = append(d.faults, Diagnostic{Code: code, File: d.doc.File, Line: at.Line, Col: at.Col, Path: path, Text: text, Hint: hint})
}

// object reads a mapping whose fields are fixed; what is null counts as left out.
func (d *decoder) object(v *Value, path, what string, fields ...field) {
	if v.Shape != Mapping {
		d.wrong(v, path, what, "a map")
		return
	}
	for i, k := range v.Keys {
		f := find(fields, k.Name)
		switch {
		case f == nil:
			d.unknown(k, join(path, clip(k.Name)), what, fields)
		case v.Items[i].Shape != Null:
			f.read(v.Items[i], join(path, k.Name))
		}
	}
}

func find(fields []field, name string) *field {
	for i := range fields {
		if fields[i].name == name {
			return &fields[i]
		}
	}
	return nil
}

const maxHints = 100 // names that a hint is looked for, so that a bad document stays cheap

func (d *decoder) unknown(k Key, path, what string, fields []field) {
	hint := ""
	if d.hints++; d.hints <= maxHints {
		names := make([]string, len(fields))
		for i, f := range fields {
			names[i] = f.name
		}
		if hint = DidYouMean(k.Name, names); hint == "" {
			hint = "it may have " + strings.Join(names, ", ")
		}
	}
	d.fault(CodeField, k.Place, path, fmt.Sprintf("%s has no field %s", what, clip(k.Name)), hint)
}

func (d *decoder) wrong(v *Value, path, what, want string) {
	d.fault(CodeValue, v.Place, path, fmt.Sprintf("%s must be %s, not %s", what, want, v.Shape), "")
}

// names reads a mapping whose keys are names that the user chose.
func (d *decoder) names(v *Value, path, what string, each func(k Key, v *Value, path string)) {
	if v.Shape != Mapping {
		d.wrong(v, path, what, "a map")
		return
	}
	for i, k := range v.Keys {
		at := join(path, clip(k.Name))
		if !IsName(k.Name) {
			d.fault(CodeName, k.Place, at, fmt.Sprintf("the name %q is not made of a-z, 0-9 and _, with a letter first, or is longer than %d", clip(k.Name), MaxName), nameHint(k.Name))
			continue
		}
		each(k, v.Items[i], at)
	}
}

// MaxName is the length of the longest name of a node, parameter or port.
const MaxName = 64

// IsName reports whether s can name a node, a parameter or a port.
func IsName(s string) bool {
	if len(s) == 0 || len(s) > MaxName || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

func nameHint(name string) string {
	n := strings.Map(func(r rune) rune {
		switch {
		case r == '-' || r == ' ' || r == '.':
			return '_'
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return r
	}, name)
	if n != name && IsName(n) {
		return "write " + n
	}
	return ""
}

// text returns a reader of a field that holds a text.
func (d *decoder) text(dst *string, what string) func(*Value, string) {
	return func(v *Value, path string) {
		if v.Shape != Text {
			d.wrong(v, path, what, "a text")
			return
		}
		*dst = v.Text
	}
}

// keep returns a reader of a field that the compiler reads later.
func keep(dst **Value) func(*Value, string) {
	return func(v *Value, _ string) { *dst = v }
}

// mapping returns a reader of a field that the compiler reads later as a map.
func (d *decoder) mapping(dst **Value, what string) func(*Value, string) {
	return func(v *Value, path string) {
		if v.Shape != Mapping {
			d.wrong(v, path, what, "a map")
			return
		}
		*dst = v
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
