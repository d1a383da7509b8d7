package nodes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// SettingFault is one fault in a node's settings.
type SettingFault struct {
	Path string // into the settings: values_to_keep, patterns[2]; "" for all of them
	Text string // one sentence
	Hint string // what would mend it, where that is obvious
	// Secret is true when the place of a secret stands where none may.
	Secret bool
}

// Error renders the fault in one line.
func (f SettingFault) Error() string {
	if f.Hint == "" {
		return f.Text
	}
	return f.Text + "; " + f.Hint
}

// HasSecret reports whether a setting's text holds the place of a secret, which only
// the worker fills in: what can't be known yet is not checked.
func HasSecret(s string) bool { return strings.Contains(s, "${secret:") }

// CheckConfig holds settings to the kind's tags. It returns all faults, and when there
// are none the canonical form: every setting in the order of the struct, defaults
// filled in, settings that are optional and left out not mentioned. Places of secrets
// pass, but not in programs.
func (k *Kind) CheckConfig(config json.RawMessage) (canonical json.RawMessage, faults []SettingFault) {
	_, canonical, faults = k.decodeConfig(config)
	return canonical, faults
}

// decodeConfig returns a pointer to the settings struct, filled in.
func (k *Kind) decodeConfig(config json.RawMessage) (reflect.Value, json.RawMessage, []SettingFault) {
	settings, err := k.settings()
	if err != nil {
		return reflect.Value{}, nil, []SettingFault{{Text: err.Error()}}
	}
	given, faults := k.givenSettings(config, settings)
	if given == nil {
		return reflect.Value{}, nil, faults
	}
	target := reflect.New(k.config)
	var canonical bytes.Buffer
	canonical.WriteByte('{')
	for i := range settings {
		s := &settings[i]
		raw, ok := given[s.Name]
		if !ok && s.HasDefault {
			raw, ok = encodeSetting(s.Default), true
		}
		if !ok {
			if !s.Optional {
				faults = append(faults, SettingFault{Path: s.Name, Text: "the setting " + s.Name + " is missing", Hint: s.Doc})
			}
			continue
		}
		v := target.Elem().Field(s.field)
		if v.Kind() == reflect.Pointer {
			v.Set(reflect.New(s.typ))
			v = v.Elem()
		}
		if f := s.decode(s.Name, raw, v); f != nil {
			faults = append(faults, *f)
			continue
		}
		if canonical.Len() > 1 {
			canonical.WriteByte(',')
		}
		canonical.Write(encodeSetting(s.Name))
		canonical.WriteByte(':')
		canonical.Write(encodeSetting(v.Interface()))
	}
	canonical.WriteByte('}')
	if faults != nil {
		return reflect.Value{}, nil, faults
	}
	return target, canonical.Bytes(), nil
}

// givenSettings takes the settings object apart, and reports names that are unknown or
// stand twice. It returns nil settings when there is no telling what they are.
func (k *Kind) givenSettings(config json.RawMessage, settings []Setting) (map[string]json.RawMessage, []SettingFault) {
	given := map[string]json.RawMessage{}
	config = bytes.TrimSpace(config)
	if len(config) == 0 || string(config) == "null" {
		return given, nil
	}
	names := make([]string, len(settings))
	for i, s := range settings {
		names[i] = s.Name
	}
	dec := json.NewDecoder(bytes.NewReader(config))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, []SettingFault{{Text: "settings are an object of names and values, not " + jsonSort(config)}}
	}
	var faults []SettingFault
	for dec.More() {
		t, err := dec.Token()
		var raw json.RawMessage
		if err == nil {
			err = dec.Decode(&raw)
		}
		if err != nil {
			return nil, []SettingFault{{Text: "settings are not valid JSON: " + err.Error()}}
		}
		name := t.(string)
		if _, twice := given[name]; twice {
			faults = append(faults, SettingFault{Path: name, Text: "the setting " + name + " is given twice"})
		}
		given[name] = raw
		if !slices.Contains(names, name) {
			faults = append(faults, unknownSetting(k.Kind, name, names))
		}
	}
	return given, faults
}

func unknownSetting(kind, name string, names []string) SettingFault {
	f := SettingFault{Path: name, Text: fmt.Sprintf("%s has no setting %s", kind, name)}
	if near, ok := Nearest(name, names); ok {
		f.Hint = "did you mean " + near + "?"
	} else if len(names) == 0 {
		f.Hint = "it has no settings"
	} else {
		f.Hint = "it has " + strings.Join(names, ", ")
	}
	return f
}

// encodeSetting is json.Marshal without the escapes meant for HTML.
func encodeSetting(v any) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return json.RawMessage("null")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func faultsError(faults []SettingFault) error {
	errs := make([]error, len(faults))
	for i, f := range faults {
		errs[i] = f
	}
	return errors.Join(errs...)
}
