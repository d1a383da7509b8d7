package recipe

import (
	"fmt"
	"strconv"
	"strings"
)

// from reads what a node says about its input ports: a reference, a list of them, or
// a map of port to those.
func (d *decoder) from(v *Value, path string) []Wire {
	if v.Shape != Mapping || isRef(v) {
		return []Wire{{From: d.refs(v, path, true), Place: v.Place}}
	}
	var wires []Wire
	d.names(v, path, "from", func(k Key, v *Value, path string) {
		wires = append(wires, Wire{Port: k.Name, From: d.refs(v, path, true), Place: k.Place})
	})
	return wires
}

// isRef reports whether a mapping is one reference with settings, and not a map of
// ports: it names a node, or has anything that only a reference has.
func isRef(v *Value) bool {
	for _, k := range v.Keys {
		switch k.Name {
		case "node", "capacity", "overflow", "ttl":
			return true
		}
	}
	return len(v.Keys) == 0
}

func (d *decoder) refs(v *Value, path string, settings bool) []Ref {
	if v.Shape != Sequence {
		return []Ref{d.ref(v, path, settings)}
	}
	if len(v.Items) == 0 {
		d.fault(CodeMissing, v.Place, path, "from is an empty list", "name a node")
	}
	refs := make([]Ref, len(v.Items))
	for i, item := range v.Items {
		refs[i] = d.ref(item, path+"["+strconv.Itoa(i)+"]", settings)
	}
	return refs
}

func (d *decoder) ref(v *Value, path string, settings bool) Ref {
	r := Ref{Path: path, Place: v.Place}
	if v.Shape == Text {
		r.Node, r.Port, _ = strings.Cut(v.Text, ".")
		d.checkRef(&r, v.Text)
		return r
	}
	if v.Shape != Mapping {
		hint := ""
		if v.Shape == Boolean { // which is a name that YAML has taken
			hint = "put the name of a node in quotes"
		}
		d.fault(CodeValue, v.Place, path, "from must be the name of a node, an object with node, or a list of those, not "+v.Shape.String(), hint)
		return r
	}
	fields := []field{{"node", d.text(&r.Node, "node")}, {"port", d.text(&r.Port, "port")}}
	if settings {
		fields = append(fields, edgeFields(&r.EdgeSettings)...)
	}
	faults := len(d.faults)
	d.object(v, path, "an edge", fields...)
	switch {
	case len(d.faults) > faults:
	case r.Node == "":
		d.fault(CodeMissing, v.Place, path, "an edge does not say from which node", "add node")
	default:
		text := r.Node
		if node, port, ok := strings.Cut(text, "."); ok {
			if r.Port != "" {
				d.fault(CodeName, v.Place, path, fmt.Sprintf("the port of an edge is named twice: by node, %s, and by port", clip(text)), "leave out port")
				r.Node = ""
				return r
			}
			r.Node, r.Port = node, port
		}
		d.checkRef(&r, text)
	}
	return r
}

func (d *decoder) checkRef(r *Ref, text string) {
	if !IsName(r.Node) || r.Port != "" && !IsName(r.Port) || strings.HasSuffix(text, ".") {
		hint := ""
		if !strings.Contains(text, ".") {
			hint = nameHint(text)
		}
		d.fault(CodeName, r.Place, r.Path, fmt.Sprintf("%q does not name a node or a node.port", clip(text)), hint)
		r.Node = ""
	}
}

func (d *decoder) tests(v *Value, path string) {
	if v.Shape != Sequence {
		d.badTest(v.Place, path, "tests must be a list, not "+v.Shape.String())
		return
	}
	names := map[string]bool{}
	for i, item := range v.Items {
		t := Test{Place: item.Place}
		at := path + "[" + strconv.Itoa(i) + "]"
		d.object(item, at, "a test",
			field{"name", d.text(&t.Name, "a test's name")},
			field{"params", d.mapping(&t.Params, "params")},
			field{"given", func(v *Value, path string) { t.Given = d.records(v, path) }},
			field{"expect", func(v *Value, path string) { t.Expect = d.records(v, path) }})
		switch {
		case item.Shape != Mapping:
		case t.Name == "":
			d.badTest(t.Place, at, "a test has no name")
		case names[t.Name]:
			d.badTest(t.Place, at, fmt.Sprintf("two tests are named %s", clip(t.Name)))
		case item.Field("expect") == nil || item.Field("expect").Shape == Mapping && len(item.Field("expect").Keys) == 0:
			d.badTest(t.Place, at, fmt.Sprintf("the test %s expects nothing", clip(t.Name)))
		}
		names[t.Name] = true
		d.doc.Tests = append(d.doc.Tests, t)
	}
}

func (d *decoder) badTest(at Place, path, text string) { d.fault(CodeTests, at, path, text, "") }

func (d *decoder) records(v *Value, path string) []TestRecords {
	if v.Shape != Mapping {
		d.badTest(v.Place, path, "given and expect must be maps of node to records, not "+v.Shape.String())
		return nil
	}
	list := make([]TestRecords, 0, len(v.Keys))
	for i, k := range v.Keys {
		r := TestRecords{Node: k.Name, Place: k.Place}
		switch item := v.Items[i]; item.Shape {
		case Sequence:
			r.Records = item.Items
		case Null:
		default:
			d.badTest(item.Place, join(path, clip(k.Name)), "the records of a node must be a list, not "+item.Shape.String())
		}
		list = append(list, r)
	}
	return list
}
