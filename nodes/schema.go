package nodes

import "strings"

// placeholder matches a value that a parameter or a secret stands in for: it is legal
// wherever a value is, and checked when it is known.
var placeholder = map[string]any{"type": "string", "pattern": `\$\{`}

// ConfigSchema returns the JSON Schema (draft 2020-12) of the kind's settings object,
// for editors. It accepts ${name} in place of any value.
func (k *Kind) ConfigSchema() map[string]any {
	properties := map[string]any{}
	required := []string{}
	for _, s := range k.Settings() {
		properties[s.Name] = s.schema()
		if !s.HasDefault && !s.Optional {
			required = append(required, s.Name)
		}
	}
	schema := map[string]any{
		"type":                 "object",
		"properties":           properties,
		"additionalProperties": false,
	}
	if len(required) > 0 {
		schema["required"] = required
	}
	return schema
}

func (s *Setting) schema() map[string]any {
	value := typeSchema(s.Type)
	limits := [2]string{"minimum", "maximum"}
	switch {
	case s.Type == "string":
		limits = [2]string{"minLength", "maxLength"}
	case strings.HasPrefix(s.Type, "list<"):
		limits = [2]string{"minItems", "maxItems"}
	case strings.HasPrefix(s.Type, "map<"):
		limits = [2]string{"minProperties", "maxProperties"}
	}
	if s.Type != "duration" && s.Min != nil {
		value[limits[0]] = *s.Min
	}
	if s.Type != "duration" && s.Max != nil {
		value[limits[1]] = *s.Max
	}
	if s.Enum != nil && s.Type == "string" {
		value["enum"] = s.Enum
	}
	if s.Format == "regex" && s.Type == "string" {
		value["format"] = "regex"
	}
	p := value
	if constrained := len(value) > 1 || s.Type != "string" && s.Type != "json"; constrained {
		p = map[string]any{"anyOf": []any{value, placeholder}}
	}
	p["description"] = s.Doc
	if s.HasDefault {
		p["default"] = s.Default
	}
	return p
}

func typeSchema(typ string) map[string]any {
	switch typ {
	case "bool":
		return map[string]any{"type": "boolean"}
	case "int":
		return map[string]any{"type": "integer"}
	case "float":
		return map[string]any{"type": "number"}
	case "string":
		return map[string]any{"type": "string"}
	case "duration":
		return map[string]any{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$|^0$`}
	}
	if rest, ok := strings.CutPrefix(typ, "list<"); ok {
		return map[string]any{"type": "array", "items": typeSchema(strings.TrimSuffix(rest, ">"))}
	}
	if rest, ok := strings.CutPrefix(typ, "map<"); ok {
		return map[string]any{"type": "object", "additionalProperties": typeSchema(strings.TrimSuffix(rest, ">"))}
	}
	return map[string]any{}
}
