package api

import (
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// outside says of a number that passes a bound what it is and what it may be, where the framework
// says one bound alone; "" of any other fault. A number that has bounds is no secret.
func outside(o *huma.Operation, d *huma.ErrorDetail) string {
	var n float64
	switch v := d.Value.(type) {
	case float64:
		n = v
	case int64:
		n = float64(v)
	default:
		return ""
	}
	s := schemaAt(o, d.Location)
	if s == nil || s.Minimum == nil || s.Maximum == nil || n >= *s.Minimum && n <= *s.Maximum {
		return ""
	}
	return fmt.Sprintf("want a number from %v to %v, got %v", *s.Minimum, *s.Maximum, d.Value)
}

// schemaAt finds what is said of a place in a request, as query.limit or body.priority: nil of one
// that lies deeper, or is not known.
func schemaAt(o *huma.Operation, location string) *huma.Schema {
	in, name, _ := strings.Cut(location, ".")
	for _, p := range o.Parameters {
		if p.In == in && p.Name == name {
			return p.Schema
		}
	}
	all, _ := o.Metadata[metaSchemas].(huma.Registry)
	if in != "body" || all == nil || o.RequestBody == nil {
		return nil
	}
	for _, content := range o.RequestBody.Content {
		s := content.Schema
		if s != nil && s.Ref != "" {
			s = all.SchemaFromRef(s.Ref)
		}
		if s != nil {
			return s.Properties[name]
		}
	}
	return nil
}
