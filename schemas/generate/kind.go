package main

import (
	"sluice/nodes"
)

// kindSchema is the schema of a kind's settings, with what the kind says of itself.
func kindSchema(k *nodes.Kind) object {
	schema := k.ConfigSchema()
	schema["$schema"] = draft
	schema["title"] = k.Kind
	schema["description"] = k.Summary
	return schema
}

// nodeSchema is the schema of a node: what all have, and for each kind its settings and
// what may be said of its input.
func nodeSchema(c *nodes.Catalogue) object {
	kinds := []any{object{"type": "string", "pattern": "^recipe:", "description": "a recipe used as one node: recipe:./sub.yaml"}}
	var cases []any
	for _, k := range c.All() {
		kinds = append(kinds, object{"const": k.Kind, "description": k.Summary})
		cases = append(cases, object{
			"if":   object{"properties": object{"kind": object{"const": k.Kind}}, "required": []string{"kind"}},
			"then": kindCase(k),
		})
	}
	cases = append(cases, object{
		"if":   object{"properties": object{"kind": object{"pattern": "^recipe:"}}, "required": []string{"kind"}},
		"then": object{"properties": object{"config": false, "field": false, "into": false}},
		"else": object{"properties": object{"params": false}},
	})
	properties := nodeSettings()
	for name, s := range (object{
		"kind":   object{"anyOf": kinds},
		"from":   object{"description": "where the records come from: node, node.port, an object, a list of those (a merge), or a map of input port to those"},
		"config": object{"type": "object", "description": "settings of the kind"},
		"params": object{"type": "object", "description": "parameters of an included recipe"},
		"field":  text("field of a json record that the kind works on"),
		"into":   text("field that the answer is written to; the one that is read unless said"),
	}) {
		properties[name] = s
	}
	o := fields(properties, "kind")
	o["allOf"] = cases
	return o
}

// kindCase is what holds for the nodes of one kind.
func kindCase(k *nodes.Kind) object {
	config := object{"$ref": "#/$defs/config_" + k.Kind}
	required := []string{}
	for _, s := range k.Settings() {
		if !s.HasDefault && !s.Optional {
			required = []string{"config"}
		}
	}
	if len(required) == 0 {
		config = orNull(config)
	}
	properties := object{"config": config}
	switch needed := neededPorts(k); {
	case len(k.In) == 0:
		properties["from"] = false
	default:
		if len(needed) > 0 {
			required = append(required, "from")
		}
		properties["from"] = fromSchema(k, needed)
	}
	if !k.Scalar() {
		properties["field"], properties["into"] = false, false
	}
	o := object{"properties": properties}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

func neededPorts(k *nodes.Kind) []string {
	var names []string
	for _, p := range k.In {
		if !p.Optional {
			names = append(names, p.Name)
		}
	}
	return names
}

// fromSchema is what from may be: the plain form where it is clear which port is meant,
// and a map of the kind's ports.
func fromSchema(k *nodes.Kind, needed []string) object {
	ports := object{}
	for _, p := range k.In {
		ports[p.Name] = described(def("from"), p.Doc)
	}
	byPort := fields(ports, needed...)
	if len(k.In) > 1 && len(needed) != 1 {
		return byPort
	}
	return object{"anyOf": []any{def("from"), byPort}}
}
