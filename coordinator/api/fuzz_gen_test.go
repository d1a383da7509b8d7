package api_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"time"
)

// schema is what the generator reads of a JSON schema.
type schema struct {
	Ref        string             `json:"$ref"`
	Type       any                `json:"type"`
	Properties map[string]*schema `json:"properties"`
	Additional json.RawMessage    `json:"additionalProperties"`
	Required   []string           `json:"required"`
	Items      *schema            `json:"items"`
	Enum       []any              `json:"enum"`
	Minimum    *float64           `json:"minimum"`
	Maximum    *float64           `json:"maximum"`
	MinLength  int                `json:"minLength"`
	MaxLength  int                `json:"maxLength"`
	Pattern    string             `json:"pattern"`
	Format     string             `json:"format"`
}

func (s *schema) kind() string {
	switch t := s.Type.(type) {
	case string:
		return t
	case []any:
		for _, one := range t {
			if one != "null" {
				return fmt.Sprint(one)
			}
		}
	}
	return ""
}

// parameter is one of an operation.
type parameter struct {
	Name     string  `json:"name"`
	In       string  `json:"in"`
	Required bool    `json:"required"`
	Schema   *schema `json:"schema"`
}

// operation is a route as the API's own description has it.
type operation struct {
	ID         string      `json:"operationId"`
	Parameters []parameter `json:"parameters"`
	Body       *struct {
		Content map[string]struct {
			Schema *schema `json:"schema"`
		} `json:"content"`
	} `json:"requestBody"`
	Responses    map[string]json.RawMessage `json:"responses"`
	method, path string
}

// tells reports whether a status is described: that of an error may be by the default.
func (o *operation) tells(status int) bool {
	return o.Responses[strconv.Itoa(status)] != nil || status >= 400 && o.Responses["default"] != nil
}

// description is the API's own, as far as requests are made of it.
type description struct {
	Paths      map[string]map[string]*operation `json:"paths"`
	Components struct {
		Schemas map[string]*schema `json:"schemas"`
	} `json:"components"`
}

// operations are the routes, by their names.
func (d *description) operations() (all []*operation) {
	for path, methods := range d.Paths {
		for method, o := range methods {
			if o.ID == "open-events" { // no route, and a socket is no answer
				continue
			}
			o.method, o.path = strings.ToUpper(method), path
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b *operation) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// generator makes values for schemas: mostly valid ones, else ones that are nearly so, or wild.
type generator struct {
	*rand.Rand
	doc   *description
	known func(name string) []string // values that exist
	mark  string                     // stands in what may be secret
}

var wildTexts = []string{"", " ", "\x00", "null", "true", "-1", "0", "NaN", "1e999", "../../etc/passwd", "..%2f..%2f", "%", "%zz", "'; DROP TABLE jobs; --", "<script>alert(1)</script>",
	"\u202etxt.exe", "\xff\xfe\xfd", "\xc3\x28", "日本語", "a/b", "a.b", "*", ">", "sluice.>", "$JS.API.>", "{{7*7}}", "${env:HOME}", "\r\nX-Injected: 1", "a\tb", "🙂🙂", strings.Repeat("a", 300), strings.Repeat("é", 5000),
	"18446744073709551615", "18446744073709551616", "-9223372036854775809", "2026-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "0000-00-00", "-0001-01-01T00:00:00Z", "+1", "0x10", "1_000", "@latest", "known@latest", "known@0", "known@99999999999999999999"}

func pick[T any](g *generator, from []T) T { return from[g.IntN(len(from))] }

// text makes a string for a parameter or a field of a name.
func (g *generator) text(name string, s *schema) string {
	switch n := g.IntN(100); {
	case n < 8:
		return pick(g, wildTexts)
	case n < 22:
		return g.near(g.valid(name, s), s)
	}
	return g.valid(name, s)
}

func (g *generator) valid(name string, s *schema) string {
	if all := g.known(name); len(all) > 0 && g.IntN(10) > 0 {
		return pick(g, all)
	}
	switch {
	case len(s.Enum) > 0:
		return fmt.Sprint(pick(g, s.Enum))
	case s.Format == "date-time":
		return time.Unix(g.Int64N(8e9), g.Int64N(1e9)).UTC().Format(time.RFC3339Nano)
	case s.Pattern != "":
		if re, err := syntax.Parse(s.Pattern, syntax.Perl); err == nil {
			return g.matching(re)
		}
	}
	n := max(s.MinLength, g.IntN(12))
	if s.MaxLength > 0 {
		n = min(n, s.MaxLength)
	}
	return g.letters(n)
}

func (g *generator) letters(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "abcdefghijklmnopqrstuvwxyz0123456789-_"[g.IntN(38)]
	}
	return string(b)
}

// matching makes a text that a pattern matches.
func (g *generator) matching(re *syntax.Regexp) string {
	var b strings.Builder
	switch re.Op {
	case syntax.OpLiteral:
		return string(re.Rune)
	case syntax.OpCharClass:
		at := 2 * g.IntN(len(re.Rune)/2)
		return string(re.Rune[at] + g.Int32N(re.Rune[at+1]-re.Rune[at]+1))
	case syntax.OpAlternate:
		return g.matching(pick(g, re.Sub))
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		least, most := map[syntax.Op]int{syntax.OpPlus: 1, syntax.OpRepeat: re.Min}[re.Op], map[syntax.Op]int{syntax.OpQuest: 1, syntax.OpRepeat: re.Max, syntax.OpStar: 8, syntax.OpPlus: 8}[re.Op]
		for range least + g.IntN(max(0, min(most, least+20)-least)+1) {
			b.WriteString(g.matching(re.Sub[0]))
		}
	default:
		for _, sub := range re.Sub {
			b.WriteString(g.matching(sub))
		}
	}
	return b.String()
}

// near makes of a valid text one that just is, or just is not.
func (g *generator) near(text string, s *schema) string {
	if s.kind() == "integer" || s.kind() == "number" {
		return pick(g, []string{text + "0", "-" + text, "+" + text, "0" + text, text + ".0", text + "e0", " " + text, "", text + "_0"})
	}
	most := s.MaxLength
	if most == 0 {
		most = 64
	}
	return pick(g, []string{strings.ToUpper(text), text + " ", " " + text, text + "\n", text + text, text + "/", strings.Repeat("a", most), strings.Repeat("a", most+1), "", text + "é", "\u00a0" + text})
}

// number makes an integer as text.
func (g *generator) number(name string, s *schema) string {
	if all := g.known(name); len(all) > 0 && g.IntN(10) > 0 {
		return pick(g, all)
	}
	low, high := 0.0, 100.0
	if s.Minimum != nil {
		low = *s.Minimum
	}
	if s.Maximum != nil {
		high = *s.Maximum
	}
	if g.IntN(100) < 15 {
		return pick(g, append([]string{fmt.Sprintf("%.0f", low-1), fmt.Sprintf("%.0f", high+1), fmt.Sprintf("%.0f", low), fmt.Sprintf("%.0f", high)}, wildTexts[:10]...))
	}
	return fmt.Sprintf("%.0f", low+g.Float64()*max(0, high-low))
}

// parameter makes a text for a parameter.
func (g *generator) parameter(p *parameter) string {
	s := g.resolve(p.Schema)
	if k := s.kind(); k == "array" && s.Items != nil {
		return g.text(p.Name, g.resolve(s.Items))
	} else if k == "integer" {
		return g.number(p.Name, s)
	} else if k == "boolean" {
		return pick(g, []string{"true", "false", "true", "1", "yes", ""})
	}
	return g.text(p.Name, s)
}

func (g *generator) resolve(s *schema) *schema {
	for s != nil && s.Ref != "" {
		s = g.doc.Components.Schemas[s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]]
	}
	if s == nil {
		return &schema{}
	}
	return s
}

// value makes a JSON value.
func (g *generator) value(name string, s *schema, depth int) any {
	s = g.resolve(s)
	if g.IntN(100) < 4 || depth > 8 {
		return g.wild(depth)
	}
	switch s.kind() {
	case "object":
		return g.object(s, depth)
	case "array":
		all := []any{}
		for range g.IntN(4) {
			all = append(all, g.value(name, s.Items, depth+1))
		}
		return all
	case "string":
		return g.text(name, s)
	case "boolean":
		return g.IntN(2) == 0
	case "integer", "number":
		if all := g.known(name); len(all) > 0 && g.IntN(10) > 0 {
			return json.RawMessage(pick(g, all))
		}
		return json.RawMessage(pick(g, []string{"0", "1", "2", "-1", "1.5", "1e3", "1e400", "9223372036854775808", "18446744073709551616", fmt.Sprint(g.Int64()), fmt.Sprint(g.IntN(20) - 10)}))
	}
	return g.wild(depth)
}

func (g *generator) object(s *schema, depth int) any {
	all := map[string]any{}
	for name, p := range s.Properties {
		if slices.Contains(s.Required, name) && g.IntN(30) > 0 || g.IntN(4) == 0 {
			all[name] = g.value(name, p, depth+1)
		}
	}
	if len(s.Additional) > 1 && s.Additional[0] == '{' {
		var inner schema
		if json.Unmarshal(s.Additional, &inner) == nil {
			for range g.IntN(3) {
				all[g.text("", &schema{})] = g.value("", &inner, depth+1)
			}
		}
	}
	if g.IntN(25) == 0 {
		all[g.letters(5)] = g.mark
	}
	return all
}

// changed is a good body with, in most cases, one field that is generated.
func (g *generator) changed(body string, s *schema) any {
	var all map[string]any
	if err := json.Unmarshal([]byte(body), &all); err != nil {
		return body
	}
	s = g.resolve(s)
	var names []string
	for name := range s.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) > 0 && g.IntN(3) > 0 {
		name := pick(g, names)
		all[name] = g.value(name, s.Properties[name], 1)
	}
	return all
}

// wild makes any JSON value.
func (g *generator) wild(depth int) any {
	switch n := g.IntN(8); {
	case n == 0:
		return nil
	case n == 1:
		return json.RawMessage(pick(g, []string{"0", "-0", "1e308", "-1e-400", "9007199254740993"}))
	case n == 2 && depth < 6:
		return []any{g.wild(depth + 1), g.wild(depth + 1)}
	case n == 3 && depth < 6:
		return map[string]any{pick(g, wildTexts): g.wild(depth + 1)}
	case n == 4:
		return g.IntN(2) == 0
	}
	return pick(g, wildTexts)
}

// damaged makes of a body one that is cut, swollen or no JSON.
func (g *generator) damaged(body []byte) []byte {
	switch g.IntN(9) {
	case 0:
		return body[:g.IntN(len(body)+1)]
	case 1:
		return append([]byte("\xef\xbb\xbf"), body...)
	case 2:
		return []byte(strings.Repeat("[", 20_000))
	case 3:
		return []byte(strings.Repeat(`{"a":`, 9_000) + "1" + strings.Repeat("}", 9_000))
	case 4:
		return []byte(pick(g, wildTexts))
	case 5:
		return append(body, body...)
	case 6:
		return []byte(`"` + g.mark + `"`)
	case 7:
		return []byte(`{"value":["` + g.mark + `"],"source":{"x":"` + g.mark + `"}}`)
	}
	for range 1 + g.IntN(4) {
		if len(body) > 0 {
			body[g.IntN(len(body))] ^= 1 << g.IntN(8)
		}
	}
	return body
}
