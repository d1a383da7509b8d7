package main

import (
	"slices"
	"strings"

	"sluice/nodes"
	"sluice/recipe"
)

const draft = "https://json-schema.org/draft/2020-12/schema"

type object = map[string]any

// recipeSchema is the schema of the recipe document.
func recipeSchema(c *nodes.Catalogue) object {
	defs := object{
		"name":      object{"type": "string", "pattern": "^[a-z][a-z0-9_]*$", "maxLength": recipe.MaxName},
		"reference": object{"type": "string", "pattern": `\$\{`, "description": "a parameter: ${name}"},
		"type":      typeSchema("bool", "int", "float", "string", "bytes", "json"),
		"open_type": typeSchema("bool", "int", "float", "string", "bytes", "json", "number", "any"),
		"node_name": object{"allOf": []any{def("name"), object{"not": object{"const": recipe.Inputs}}}},
		"output":    object{"type": "string", "pattern": `^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$`, "description": "node or node.port"},
		"edge":      edgeSchema(true),
		"from":      oneOrMany("edge"),
		"ref":       edgeSchema(false),
		"refs":      oneOrMany("ref"),
		"node":      nodeSchema(c),
		"param": fields(object{
			"type": def("type"), "default": object{"description": "value when none is given; without it one must be given"}, "doc": text("one line of help"),
		}),
		"inlet":  fields(object{"type": def("open_type"), "doc": text("one line of help")}),
		"outlet": fields(object{"from": def("refs"), "doc": text("one line of help")}, "from"),
		"test":   testSchema(),
	}
	for _, k := range c.All() {
		defs["config_"+k.Kind] = k.ConfigSchema()
	}
	settings := nodeSettings()
	for name, s := range edgeSettings() {
		settings[name] = s
	}
	schema := fields(object{
		"$schema":     text("where editors find this schema; ignored by everything else"),
		"recipe":      object{"type": "string", "pattern": "^[a-z][a-z0-9_-]*$", "maxLength": recipe.MaxName, "description": "the recipe's name"},
		"description": text("what the recipe is for"),
		"params":      named("name", orNull(def("param")), "values that are given for each run: ${name}"),
		"inputs":      named("name", orNull(def("inlet")), "open input ports, read as inputs.NAME, of a recipe that others include"),
		"defaults":    described(fields(settings), "settings of all nodes and edges that do not say otherwise"),
		"nodes":       atLeastOne(named("node_name", def("node"), "the nodes; edges are declared where they arrive")),
		"outputs":     named("name", def("outlet"), "open output ports of a recipe that others include"),
		"tests":       object{"type": "array", "items": def("test"), "description": "run by sluice test"},
		"ui":          object{"description": "positions on the editor's canvas; ignored by everything else"},
	}, "nodes")
	schema["$schema"] = draft
	schema["title"] = "Sluice recipe"
	schema["$defs"] = defs
	return schema
}

func def(name string) object { return object{"$ref": "#/$defs/" + name} }

func text(doc string) object { return object{"type": "string", "description": doc} }

func described(schema object, doc string) object {
	if doc != "" {
		schema["description"] = doc
	}
	return schema
}

// typeSchema takes these types and lists of them, as deep as the length of a name allows.
func typeSchema(types ...string) object {
	const deep = recipe.MaxName / len("list<>")
	one := strings.Join(types, "|")
	pattern := one
	for range deep {
		pattern = one + "|list<(" + pattern + ")>"
	}
	return object{"type": "string", "pattern": "^(" + pattern + ")$", "maxLength": recipe.MaxName, "examples": append(types, "list<string>")}
}

// orNull takes null too: in a recipe that is a field left out.
func orNull(schema object) object {
	schema = clone(schema)
	if t, ok := schema["type"].(string); ok && schema["enum"] == nil {
		schema["type"] = []string{t, "null"}
		return schema
	}
	if choices, ok := schema["anyOf"].([]any); ok {
		schema["anyOf"] = append(slices.Clone(choices), object{"type": "null"})
		return schema
	}
	if len(schema) == 0 || schema["$ref"] == nil && schema["enum"] == nil {
		return schema // takes anything
	}
	return object{"anyOf": []any{schema, object{"type": "null"}}}
}

func atLeastOne(schema object) object {
	schema["minProperties"] = 1
	return schema
}

// fields is an object with these properties and no others; what need not be given may be
// null.
func fields(properties object, required ...string) object {
	for name, p := range properties {
		if !slices.Contains(required, name) {
			properties[name] = orNull(p.(object))
		}
	}
	o := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

// named is an object whose keys are names that the user chooses.
func named(name string, item object, doc string) object {
	return object{"type": "object", "propertyNames": def(name), "additionalProperties": item, "description": doc}
}

func oneOrMany(item string) object {
	return object{"anyOf": []any{def(item), object{"type": "array", "items": def(item), "minItems": 1}}}
}

// orReference lets a parameter stand for a value.
func orReference(schema object, doc string) object {
	return object{"anyOf": []any{schema, def("reference")}, "description": doc}
}

func whole(least, most int64) object {
	return object{"type": "integer", "minimum": least, "maximum": most}
}

func choice(values ...string) object { return object{"enum": values} }

func duration() object {
	return object{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`, "examples": []string{"500ms", "30s"}}
}

func edgeSettings() object {
	return object{
		"capacity": orReference(described(whole(1, 1_000_000), ""), "frames that the edge may hold; 256 unless said"),
		"overflow": orReference(choice(string(recipe.Block), string(recipe.DropOldest), string(recipe.DropNewest)), "what a full edge does; block unless said"),
		"ttl":      orReference(duration(), "age at which records expire, from 100ms; never unless said"),
	}
}

func nodeSettings() object {
	return object{
		"parallel": orReference(whole(1, 1024), "frames in hand on each worker"),
		"on_error": orReference(choice(string(recipe.DeadLetter), string(recipe.Drop), string(recipe.Fail)), "what happens to a record that is given up; dead_letter unless said"),
		"retry": fields(object{
			"attempts": orReference(whole(1, 100), "3 unless said"),
			"backoff":  orReference(duration(), "before the second attempt, then doubled; 100ms unless said"),
		}),
		"max_dead": orReference(object{"type": "integer", "minimum": 0}, "dead letters beyond which the job fails; 100000 unless said"),
		"pool":     text("label of the workers that may run the node"),
	}
}

func edgeSchema(settings bool) object {
	properties := object{"node": def("output"), "port": def("name")}
	if settings {
		for name, s := range edgeSettings() {
			properties[name] = s
		}
	}
	return object{"anyOf": []any{def("output"), fields(properties, "node")}}
}

func testSchema() object {
	records := object{"type": "object", "additionalProperties": object{"type": "array"}}
	return fields(object{
		"name":   text("of the test"),
		"params": object{"type": "object"},
		"given":  described(clone(records), "records that stand for the output of nodes"),
		"expect": described(clone(records), "records expected at the output of nodes, in order"),
	}, "name", "expect")
}

func clone(o object) object {
	c := object{}
	for k, v := range o {
		c[k] = v
	}
	return c
}
