package nodes

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Setting describes one setting of a kind, as its struct's tags say.
type Setting struct {
	Name string
	Type string // bool, int, float, string, duration, json, list<…> or map<…>
	Doc  string
	// Default is the value when the setting is left out: bool, int64, uint64, float64,
	// string, or what JSON gives for lists and maps. Durations are text.
	Default    any
	HasDefault bool
	Optional   bool     // may be left out although it has no default
	Min, Max   *float64 // of numbers, and of the length of strings and lists; seconds of durations
	Enum       []string
	Format     string

	field int
	typ   reflect.Type // without the pointer
}

var (
	durationType = reflect.TypeFor[Duration]()
	rawType      = reflect.TypeFor[json.RawMessage]()
)

// Settings returns the settings of the kind in the order of its struct.
func (k *Kind) Settings() []Setting {
	s, _ := k.settings()
	return s
}

// CheckTags returns the first fault in the tags of the kind's settings struct. A
// catalogue's conformance test asks for it.
func (k *Kind) CheckTags() error {
	_, err := k.settings()
	return err
}

// known holds the settings of structs whose tags are sound, which a large recipe asks for at each
// node. Nobody changes them.
var known sync.Map // of []Setting by reflect.Type

func (k *Kind) settings() (list []Setting, fault error) {
	if k.config == nil {
		return nil, nil
	}
	if list, ok := known.Load(k.config); ok {
		return list.([]Setting), nil
	}
	defer func() {
		if fault == nil {
			known.Store(k.config, slices.Clip(list))
		}
	}()
	for i := range k.config.NumField() {
		f := k.config.Field(i)
		if !f.IsExported() {
			continue
		}
		s, err := readSetting(f, i)
		if err != nil && fault == nil {
			fault = fmt.Errorf("%s: %s: %w", k.Kind, f.Name, err)
		}
		list = append(list, s)
	}
	return list, fault
}

func readSetting(f reflect.StructField, index int) (Setting, error) {
	s := Setting{Doc: f.Tag.Get("doc"), Format: f.Tag.Get("format"), field: index, typ: f.Type}
	s.Name, _, _ = strings.Cut(f.Tag.Get("json"), ",")
	s.Optional = f.Tag.Get("optional") == "true"
	if f.Type.Kind() == reflect.Pointer {
		s.typ, s.Optional = f.Type.Elem(), true
	}
	s.Type = settingType(s.typ)
	if e := f.Tag.Get("enum"); e != "" {
		s.Enum = strings.Split(e, "|")
	}
	var err error
	if s.Min, err = boundTag(f, "min"); err != nil {
		return s, err
	}
	if s.Max, err = boundTag(f, "max"); err != nil {
		return s, err
	}
	if text, ok := f.Tag.Lookup("default"); ok {
		s.HasDefault = true
		if s.Default, err = s.defaultValue(text); err != nil {
			return s, fmt.Errorf("default: %w", err)
		}
	}
	switch {
	case s.Name == "" || s.Name == "-":
		return s, fmt.Errorf("no name in its json tag")
	case s.Doc == "":
		return s, fmt.Errorf("no doc tag")
	case s.Type == "":
		return s, fmt.Errorf("settings can't have the Go type %s", f.Type)
	case s.HasDefault && s.Optional:
		return s, fmt.Errorf("optional and with a default")
	case !knownFormat(s.Format):
		return s, fmt.Errorf("unknown format %s", s.Format)
	}
	return s, nil
}

func boundTag(f reflect.StructField, tag string) (*float64, error) {
	text, ok := f.Tag.Lookup(tag)
	if !ok {
		return nil, nil
	}
	if d, err := parseDuration(text); err == nil && f.Type == durationType {
		v := d.Std().Seconds()
		return &v, nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", tag, err)
	}
	return &v, nil
}

// settingType names a Go type as settings show it, "" when it can't be a setting.
func settingType(t reflect.Type) string {
	switch {
	case t == durationType:
		return "duration"
	case t == rawType || t.Kind() == reflect.Interface:
		return "json"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "bool"
	case reflect.String:
		return "string"
	case reflect.Float32, reflect.Float64:
		return "float"
	case reflect.Slice:
		if e := settingType(t.Elem()); e != "" {
			return "list<" + e + ">"
		}
	case reflect.Map:
		if e := settingType(t.Elem()); e != "" && t.Key().Kind() == reflect.String {
			return "map<" + e + ">"
		}
	}
	if t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64 {
		return "int"
	}
	return ""
}

// defaultValue reads a default tag and holds it to the setting's own checks.
func (s *Setting) defaultValue(text string) (any, error) {
	raw := json.RawMessage(text)
	if s.typ.Kind() == reflect.String || s.typ == durationType {
		raw, _ = json.Marshal(text)
	}
	v := reflect.New(s.typ).Elem()
	if f := s.decode(s.Name, raw, v); f != nil {
		return nil, fmt.Errorf("%s", f.Text)
	}
	switch {
	case s.typ == durationType:
		return v.Interface().(Duration).String(), nil
	case v.CanInt():
		return v.Int(), nil
	case v.CanUint():
		return v.Uint(), nil
	case v.CanFloat():
		return v.Float(), nil
	case v.Kind() == reflect.String:
		return v.String(), nil
	case v.Kind() == reflect.Bool:
		return v.Bool(), nil
	}
	var a any
	return a, json.Unmarshal(raw, &a)
}
