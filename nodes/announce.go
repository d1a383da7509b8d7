package nodes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of what is read of an announced kind: others wrote it.
const (
	maxAnnounced = 256 << 10
	maxSettings  = 200
)

// announced is a spec on the wire.
type announced struct {
	*Spec
	Settings []announcedSetting `json:"settings,omitempty"`
}

// announcedSetting is a setting as its tags said it; see [Define].
type announcedSetting struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	Doc      string   `json:"doc"`
	Default  *string  `json:"default,omitempty"` // text, or JSON where the type is neither string nor duration
	Optional bool     `json:"optional,omitempty"`
	Unsigned bool     `json:"unsigned,omitempty"` // an int from 0 to 2^64-1
	Min      *float64 `json:"min,omitempty"`
	Max      *float64 `json:"max,omitempty"`
	Enum     []string `json:"enum,omitempty"`
	Format   string   `json:"format,omitempty"`
}

// Announce writes all that the kind says of itself, for builds that don't have it; see
// [Announced].
func (k *Kind) Announce() ([]byte, error) {
	settings, err := k.settings()
	if err != nil {
		return nil, err
	}
	spec := k.Spec
	a := announced{Spec: &spec}
	for _, s := range settings {
		w := announcedSetting{Name: s.Name, Type: s.Type, Doc: s.Doc, Optional: s.Optional, Min: s.Min, Max: s.Max, Enum: s.Enum, Format: s.Format}
		w.Unsigned = s.typ.Kind() >= reflect.Uint && s.typ.Kind() <= reflect.Uint64
		if s.HasDefault {
			text, isText := s.Default.(string)
			if !isText {
				text = string(encodeSetting(s.Default))
			}
			w.Default = &text
		}
		a.Settings = append(a.Settings, w)
	}
	return json.Marshal(a)
}

var kindName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// Announced reads what [Kind.Announce] wrote, of another build perhaps. Recipes with the kind
// are checked as with any other: ports, types, settings. What its constructor alone refuses is
// found by a worker, and Build does nothing but for a check.
func Announced(data []byte) (Kind, error) {
	var a announced
	a.Spec = &Spec{}
	if len(data) > maxAnnounced {
		return Kind{}, fmt.Errorf("an announced kind has %d bytes of at most %d", len(data), maxAnnounced)
	}
	if err := json.Unmarshal(data, &a); err != nil {
		return Kind{}, fmt.Errorf("an announced kind does not decode: %w", err)
	}
	if err := a.check(); err != nil {
		return Kind{}, fmt.Errorf("the announced kind %.64q: %w", a.Kind, err)
	}
	fields := make([]reflect.StructField, 0, len(a.Settings))
	for i, s := range a.Settings {
		typ := goType(s.Type, 0)
		if s.Unsigned && s.Type == "int" {
			typ = reflect.TypeFor[uint64]()
		}
		if typ == nil {
			return Kind{}, fmt.Errorf("the announced kind %s: setting %s has the unknown type %s", a.Kind, s.Name, s.Type)
		}
		fields = append(fields, reflect.StructField{Name: "F" + strconv.Itoa(i), Type: typ, Tag: s.tag()})
	}
	k := Kind{*a.Spec}
	if len(fields) > 0 {
		k.config = reflect.StructOf(fields)
	} else {
		k.config = reflect.TypeFor[struct{}]()
	}
	k.build = func(_ any, env *Env) (any, error) {
		if !env.Checking {
			return nil, errors.New("this build has the kind's announcement alone, and can't run it")
		}
		return struct{}{}, nil
	}
	return k, k.CheckTags()
}

// check refuses what would do harm to whoever trusts a spec of its own build.
func (a *announced) check() error {
	switch {
	case !kindName.MatchString(a.Kind):
		return errors.New("its name is not made of lower-case letters, digits and _")
	case a.Version < 1:
		return errors.New("it has no version")
	case len(a.In) > MaxPorts || len(a.Out) > MaxPorts:
		return fmt.Errorf("it has more than %d ports of one sort", MaxPorts)
	case a.Role == Origin && len(a.In) > 0, a.Role == Sink && len(a.Out) > 0, a.Role != Origin && len(a.In) == 0, a.Role != Sink && len(a.Out) == 0:
		return errors.New("its ports don't fit its role")
	case len(a.Settings) > maxSettings:
		return fmt.Errorf("it has more than %d settings", maxSettings)
	}
	for _, p := range append(append([]Port(nil), a.In...), a.Out...) {
		if !kindName.MatchString(p.Name) || p.Type == "" {
			return fmt.Errorf("the port %.64q has no proper name or type", p.Name)
		}
	}
	seen := map[string]bool{}
	for _, s := range a.Settings {
		if !kindName.MatchString(s.Name) || seen[s.Name] || !utf8.ValidString(s.Doc) {
			return fmt.Errorf("the setting %.64q has no proper name, or is there twice", s.Name)
		}
		seen[s.Name] = true
	}
	return nil
}

// tag says of a setting what its struct's tags would.
func (s *announcedSetting) tag() reflect.StructTag {
	var b strings.Builder
	add := func(key, value string) { fmt.Fprintf(&b, "%s:%s ", key, strconv.Quote(value)) }
	add("json", s.Name)
	add("doc", s.Doc)
	if s.Default != nil {
		add("default", *s.Default)
	}
	if s.Optional {
		add("optional", "true")
	}
	unit := ""
	if s.Type == "duration" {
		unit = "s"
	}
	if s.Min != nil {
		add("min", strconv.FormatFloat(*s.Min, 'f', -1, 64)+unit)
	}
	if s.Max != nil {
		add("max", strconv.FormatFloat(*s.Max, 'f', -1, 64)+unit)
	}
	if len(s.Enum) > 0 {
		add("enum", strings.Join(s.Enum, "|"))
	}
	if s.Format != "" {
		add("format", s.Format)
	}
	return reflect.StructTag(strings.TrimSuffix(b.String(), " "))
}

// goType is a Go type that a setting of that type decodes into, nil when there is none.
func goType(typ string, depth int) reflect.Type {
	switch typ {
	case "bool":
		return reflect.TypeFor[bool]()
	case "int":
		return reflect.TypeFor[int64]()
	case "float":
		return reflect.TypeFor[float64]()
	case "string":
		return reflect.TypeFor[string]()
	case "duration":
		return durationType
	case "json":
		return rawType
	}
	inner, isList := strings.CutPrefix(typ, "list<")
	if !isList {
		var isMap bool
		if inner, isMap = strings.CutPrefix(typ, "map<"); !isMap {
			return nil
		}
	}
	inner, closed := strings.CutSuffix(inner, ">")
	if !closed || depth > 4 {
		return nil
	}
	t := goType(inner, depth+1)
	switch {
	case t == nil:
		return nil
	case isList:
		return reflect.SliceOf(t)
	}
	return reflect.MapOf(reflect.TypeFor[string](), t)
}

var roleNames = []string{"stateless", "ordered", "source", "sink"}

// MarshalText implements encoding.TextMarshaler.
func (r Role) MarshalText() ([]byte, error) {
	if r < 0 || int(r) >= len(roleNames) {
		return nil, fmt.Errorf("no such role: %d", int(r))
	}
	return []byte(roleNames[r]), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Role) UnmarshalText(text []byte) error {
	for i, name := range roleNames {
		if name == string(text) {
			*r = Role(i)
			return nil
		}
	}
	return fmt.Errorf("no such role: %.20q", text)
}

// exampleValue is a value of an Example on the wire, where JSON alone does not say which Go
// value it is.
type exampleValue struct {
	Int   *int64  `json:"int,omitempty"`
	Bytes *[]byte `json:"bytes,omitempty"`
	Text  *[]byte `json:"text,omitempty"` // of a string that is not UTF-8
	JSON  *[]byte `json:"json,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (e Example) MarshalJSON() ([]byte, error) {
	e.In, e.Out, e.Ins, e.Outs = wired(e.In), wired(e.Out), wiredPorts(e.Ins), wiredPorts(e.Outs)
	e.Files, e.Wrote, e.Serve = legible(e.Files), legible(e.Wrote), legible(e.Serve)
	type plain Example
	return json.Marshal(plain(e))
}

func wiredPorts(ports map[string][]any) map[string][]any {
	if ports == nil {
		return nil
	}
	to := map[string][]any{}
	for name, values := range ports {
		to[name] = wired(values)
	}
	return to
}

// legible makes texts of files that are no text.
func legible(files map[string]string) map[string]string {
	if files == nil {
		return nil
	}
	to := map[string]string{}
	for name, text := range files {
		to[name] = strings.ToValidUTF8(text, "\uFFFD")
	}
	return to
}

func wired(values []any) []any {
	if values == nil {
		return nil
	}
	to := make([]any, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case int:
			n := int64(v)
			to[i] = exampleValue{Int: &n}
		case int64:
			to[i] = exampleValue{Int: &v}
		case []byte:
			to[i] = exampleValue{Bytes: &v}
		case JSON:
			text := []byte(v)
			to[i] = exampleValue{JSON: &text}
		case string:
			if to[i] = v; !utf8.ValidString(v) {
				text := []byte(v)
				to[i] = exampleValue{Text: &text}
			}
		default:
			to[i] = v
		}
	}
	return to
}

// UnmarshalJSON implements json.Unmarshaler.
func (e *Example) UnmarshalJSON(data []byte) error {
	type plain Example
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber() // exact
	if err := d.Decode((*plain)(e)); err != nil {
		return err
	}
	lists := [][]any{e.In, e.Out}
	for _, ports := range []map[string][]any{e.Ins, e.Outs} {
		for _, values := range ports {
			lists = append(lists, values)
		}
	}
	for _, values := range lists {
		for i, v := range values {
			values[i] = unwired(v)
		}
	}
	return nil
}

func unwired(v any) any {
	if n, ok := v.(json.Number); ok {
		f, _ := n.Float64()
		return f
	}
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	var w exampleValue
	text, err := json.Marshal(m)
	if err == nil {
		err = json.Unmarshal(text, &w)
	}
	switch {
	case err != nil:
		return v
	case w.Int != nil:
		return int(*w.Int)
	case w.Bytes != nil:
		return *w.Bytes
	case w.Text != nil:
		return string(*w.Text)
	case w.JSON != nil:
		return JSON(*w.JSON)
	}
	return v
}
