package recipe

import (
	"fmt"
	"strings"
)

// The fields of a document, place by place.

func (d *decoder) document(root *Value) {
	if root.Shape == Null {
		d.fault(CodeEmpty, root.Place, "", "the document is empty", "")
		return
	}
	doc := d.doc
	faults := len(d.faults)
	nodes := false
	d.object(root, "", "a recipe",
		field{"$schema", d.text(new(string), "$schema")}, // by which editors find the schema
		field{"recipe", d.text(&doc.Recipe, "the recipe's name")},
		field{"description", d.text(&doc.Description, "the description")},
		field{"params", d.params},
		field{"inputs", d.inputs},
		field{"defaults", func(v *Value, path string) { d.object(v, path, "defaults", d.settings(&doc.Defaults, true)...) }},
		field{"nodes", func(v *Value, path string) { nodes = true; d.nodes(v, path) }},
		field{"outputs", d.outputs},
		field{"tests", d.tests},
		field{"ui", keep(&doc.UI)},
	)
	if doc.Recipe != "" && !IsName(strings.ReplaceAll(doc.Recipe, "-", "_")) {
		v := root.Field("recipe")
		d.fault(CodeName, v.Place, "recipe", fmt.Sprintf("the recipe's name %q is not made of a-z, 0-9, - and _, with a letter first, or is longer than %d", clip(doc.Recipe), MaxName), "")
	}
	if root.Shape == Mapping && len(doc.Nodes) == 0 && (!nodes || len(d.faults) == faults) {
		d.fault(CodeEmpty, root.Place, "nodes", "the recipe has no nodes", "")
	}
}

func (d *decoder) params(v *Value, path string) {
	d.names(v, path, "params", func(k Key, v *Value, path string) {
		p := Param{Name: k.Name, Type: String, Place: k.Place}
		if v.Shape != Null {
			d.object(v, path, "a parameter",
				field{"type", d.typeName(&p.Type, false)},
				field{"default", keep(&p.Default)},
				field{"doc", d.text(&p.Doc, "doc")})
		}
		if v := v.Field("default"); v != nil && v.Shape == Null && p.Type == JSON {
			p.Default = v // null is JSON, and otherwise stands for none
		}
		if p.Default != nil {
			if at, what := p.Default.Unlike(p.Type); what != "" {
				d.fault(CodeBadParam, at, path+".default", fmt.Sprintf("the parameter %s has type %s and its default is %s", p.Name, p.Type, what), quoteHint(p.Type, p.Default))
			}
		}
		d.doc.Params = append(d.doc.Params, p)
	})
}

func quoteHint(t Type, v *Value) string {
	if t == String && v.Shape != Sequence && v.Shape != Mapping {
		return "put the value in quotes to make it a text"
	}
	return ""
}

func (d *decoder) typeName(dst *Type, constraints bool) func(*Value, string) {
	return func(v *Value, path string) {
		if v.Shape != Text {
			d.wrong(v, path, "a type", "a text")
			return
		}
		t := Type(v.Text)
		innermost := t
		for elem, ok := t.Elem(); ok; elem, ok = elem.Elem() {
			innermost = elem
		}
		if len(t) <= MaxName && (innermost.IsConcrete() || constraints && innermost.IsConstraint()) {
			*dst = t
			return
		}
		names := []string{"bool", "int", "float", "string", "bytes", "json", "list<string>"}
		if constraints {
			names = append(names, "number", "any")
		}
		hint := DidYouMean(v.Text, names)
		if hint == "" {
			hint = "types are " + strings.Join(names, ", ")
		}
		d.fault(CodeTypeName, v.Place, path, fmt.Sprintf("%s is not a type", clip(v.Text)), hint)
		*dst = JSON // takes every default, so that one fault stays one
	}
}

func (d *decoder) inputs(v *Value, path string) {
	d.names(v, path, "inputs", func(k Key, v *Value, path string) {
		in := Inlet{Name: k.Name, Type: Any, Place: k.Place}
		if v.Shape != Null {
			d.object(v, path, "an input",
				field{"type", d.typeName(&in.Type, true)},
				field{"doc", d.text(&in.Doc, "doc")})
		}
		d.doc.Inputs = append(d.doc.Inputs, in)
	})
}

func (d *decoder) outputs(v *Value, path string) {
	d.names(v, path, "outputs", func(k Key, v *Value, path string) {
		out := Outlet{Name: k.Name, Place: k.Place}
		d.object(v, path, "an output",
			field{"from", func(v *Value, path string) { out.From = d.refs(v, path, false) }},
			field{"doc", d.text(&out.Doc, "doc")})
		if v.Shape == Mapping && v.Field("from") == nil {
			d.fault(CodeMissing, k.Place, path, fmt.Sprintf("the output %s does not say from which node", k.Name), "add from")
		}
		d.doc.Outputs = append(d.doc.Outputs, out)
	})
}

func (d *decoder) nodes(v *Value, path string) {
	d.names(v, path, "nodes", func(k Key, v *Value, path string) {
		n := Node{Name: k.Name, Place: k.Place, KindAt: k.Place}
		if k.Name == Inputs {
			d.fault(CodeName, k.Place, path, "a node cannot be named inputs: from uses that name for open ports", "")
		}
		d.object(v, path, "a node", append([]field{
			{"kind", func(v *Value, path string) { n.KindAt = v.Place; d.text(&n.Kind, "a kind")(v, path) }},
			{"from", func(v *Value, path string) { n.From = d.from(v, path) }},
			{"config", d.mapping(&n.Config, "config")},
			{"params", d.mapping(&n.Params, "params")},
			{"field", keep(&n.Field)},
			{"into", keep(&n.Into)},
		}, d.settings(&n.Settings, false)...)...)
		if kind := v.Field("kind"); v.Shape == Mapping && (kind == nil || kind.Shape == Null || kind.Shape == Text && kind.Text == "") {
			d.fault(CodeMissing, k.Place, path, fmt.Sprintf("the node %s has no kind", k.Name), "add kind")
		}
		d.doc.Nodes = append(d.doc.Nodes, n)
	})
}

func (d *decoder) settings(s *Settings, edges bool) []field {
	fields := []field{
		{"parallel", keep(&s.Parallel)},
		{"on_error", keep(&s.OnError)},
		{"retry", func(v *Value, path string) {
			d.object(v, path, "retry", field{"attempts", keep(&s.Attempts)}, field{"backoff", keep(&s.Backoff)})
		}},
		{"max_dead", keep(&s.MaxDead)},
		{"pool", keep(&s.Pool)},
	}
	if edges {
		fields = append(fields, edgeFields(&s.EdgeSettings)...)
	}
	return fields
}

func edgeFields(e *EdgeSettings) []field {
	return []field{{"capacity", keep(&e.Capacity)}, {"overflow", keep(&e.Overflow)}, {"ttl", keep(&e.TTL)}}
}
