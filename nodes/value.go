package nodes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"reflect"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"sluice/recipe"
)

// MaxPattern is the number of bytes that a regular expression in a recipe may have.
// Matching costs up to pattern × input, so both are bounded.
const MaxPattern = 64 << 10

// Unquote is the hint for a number that is written as text.
const Unquote = "remove the quotes"

// decode reads one value into v, and holds it to the setting's bounds.
func (s *Setting) decode(path string, raw json.RawMessage, v reflect.Value) *SettingFault {
	fault := func(format string, args ...any) *SettingFault {
		return &SettingFault{Path: path, Text: path + " " + fmt.Sprintf(format, args...)}
	}
	raw = bytes.TrimSpace(raw)
	want := settingType(v.Type())
	if string(raw) == "null" && want != "json" {
		return fault("has no value; it wants %s", article(want))
	}
	switch want {
	case "json":
		if v.Type() == rawType {
			v.SetBytes(append([]byte(nil), raw...))
			return nil
		}
		if err := json.Unmarshal(raw, v.Addr().Interface()); err != nil {
			return fault("is not valid JSON: %v", err)
		}
		return nil
	case "bool":
		if string(raw) != "true" && string(raw) != "false" {
			return fault("wants true or false, not %s", jsonSort(raw))
		}
		v.SetBool(raw[0] == 't')
		return nil
	case "string", "duration":
		if raw[0] != '"' {
			return fault("wants %s, not %s", article(want), jsonSort(raw))
		}
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return fault("is not valid JSON: %v", err)
		}
		return s.setText(text, v, fault)
	case "int", "float":
		return s.setNumber(raw, v, fault)
	}
	return s.setMany(path, raw, v, fault)
}

type faultFunc func(format string, args ...any) *SettingFault

func (s *Setting) setText(text string, v reflect.Value, fault faultFunc) *SettingFault {
	if v.Type() == durationType {
		if HasSecret(text) {
			f := fault("can't come from a secret")
			f.Secret = true
			return f
		}
		d, err := parseDuration(text)
		if err != nil {
			f := fault("%v", err)
			f.Hint = recipe.DaysHint(text)
			return f
		}
		v.SetInt(int64(d))
		return s.bound(d.Std().Seconds(), fault, "%v seconds")
	}
	v.SetString(text)
	if program := programs[s.Format]; program != "" && HasSecret(text) {
		f := fault("is %s, and a secret can't stand in a program: it could change what it does, and be told by its errors", program)
		f.Hint, f.Secret = "secrets stand in settings that are plain texts, such as the key of hmac", true
		return f
	}
	if HasSecret(text) {
		return nil
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, text) {
		f := fault("is %q; it may be %s", text, strings.Join(s.Enum, ", "))
		if near, ok := Nearest(text, s.Enum); ok {
			f.Hint = "did you mean " + near + "?"
		}
		return f
	}
	if s.Type == "string" {
		if f := s.bound(float64(utf8.RuneCountInString(text)), fault, "%v characters long"); f != nil {
			return f
		}
	}
	if err := checkFormat(s.Format, text); err != nil {
		return fault("%v", err)
	}
	return nil
}

func (s *Setting) setNumber(raw json.RawMessage, v reflect.Value, fault faultFunc) *SettingFault {
	if c := raw[0]; c != '-' && (c < '0' || c > '9') {
		f := fault("wants a number, not %s", jsonSort(raw))
		var text string
		if c == '"' && json.Unmarshal(raw, &text) == nil && json.Unmarshal([]byte(text), new(float64)) == nil {
			f.Hint = Unquote
		}
		return f
	}
	text := string(raw)
	switch {
	case v.CanFloat():
		x, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsInf(x, 0) {
			return fault("is %s, which passes 64 bit", text)
		}
		v.SetFloat(x)
		return s.bound(x, fault, "%v")
	case v.CanInt():
		x, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if err != nil {
			return fault("is %s; it wants a whole number of %d bit", text, v.Type().Bits())
		}
		v.SetInt(x)
		return s.bound(float64(x), fault, "%v")
	}
	x, err := strconv.ParseUint(text, 10, v.Type().Bits())
	if err != nil {
		return fault("is %s; it wants a whole number from 0 of %d bit", text, v.Type().Bits())
	}
	v.SetUint(x)
	return s.bound(float64(x), fault, "%v")
}

// setMany reads lists and maps, whose elements are held to enum and format; the bounds
// are of their number.
func (s *Setting) setMany(path string, raw json.RawMessage, v reflect.Value, fault faultFunc) *SettingFault {
	elem := Setting{Name: s.Name, Type: "element", Enum: s.Enum, Format: s.Format}
	if v.Kind() == reflect.Slice {
		var parts []json.RawMessage
		if err := json.Unmarshal(raw, &parts); err != nil {
			return fault("wants a list, not %s", jsonSort(raw))
		}
		v.Set(reflect.MakeSlice(v.Type(), len(parts), len(parts)))
		for i, p := range parts {
			if f := elem.decode(fmt.Sprintf("%s[%d]", path, i), p, v.Index(i)); f != nil {
				return f
			}
		}
		return s.bound(float64(len(parts)), fault, "%v elements long")
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil {
		return fault("wants names and values, not %s", jsonSort(raw))
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		e := reflect.New(v.Type().Elem()).Elem()
		if f := elem.decode(path+"."+name, parts[name], e); f != nil {
			return f
		}
		v.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), e)
	}
	return s.bound(float64(len(parts)), fault, "%v entries long")
}

func (s *Setting) bound(x float64, fault faultFunc, unit string) *SettingFault {
	says := func(v float64) string {
		return strings.Replace(unit, "%v", strconv.FormatFloat(v, 'f', -1, 64), 1)
	}
	if s.Min != nil && x < *s.Min {
		return fault("is %s; it must be at least %s", says(x), says(*s.Min))
	}
	if s.Max != nil && x > *s.Max {
		return fault("is %s; it must be at most %s", says(x), says(*s.Max))
	}
	return nil
}

// programs are the formats of settings that are programs.
var programs = map[string]string{"jq": "a jq query", "expr": "an expression", "regex": "a regular expression"}

func knownFormat(format string) bool {
	switch format {
	case "", "regex", "duration", "path", "url", "jq", "expr":
		return true
	}
	return false
}

// checkFormat checks what needs no other package; jq and expr are the constructors' to
// check.
func checkFormat(format, text string) error {
	switch format {
	case "regex":
		if len(text) > MaxPattern {
			return fmt.Errorf("is a pattern of %d bytes; it may have %d", len(text), MaxPattern)
		}
		if _, err := syntax.Parse(text, syntax.Perl); err != nil { // compiling may take much longer
			return fmt.Errorf("is no regular expression: %s%s", strings.TrimPrefix(err.Error(), "error parsing regexp: "), notInRE2(err))
		}
	case "duration":
		if _, err := parseDuration(text); err != nil {
			return err
		}
	case "path":
		if text == "" {
			return errors.New("must name a file, and is empty")
		}
		if strings.ContainsRune(text, 0) {
			return fmt.Errorf("is no path: %q", text)
		}
	case "url":
		u, err := url.Parse(text)
		if err != nil || u.Scheme == "" || u.Host == "" {
			return fmt.Errorf("is no URL with scheme and host: %q", text)
		}
	}
	return nil
}

// notInRE2 names what other dialects have and this one leaves out, where a pattern is at fault
// for that.
func notInRE2(err error) string {
	var fault *syntax.Error
	if !errors.As(err, &fault) {
		return ""
	}
	for _, ahead := range []string{"(?=", "(?!", "(?<=", "(?<!"} {
		if strings.HasPrefix(fault.Expr, ahead) {
			return "; the syntax is that of RE2, which has no lookaround"
		}
	}
	if len(fault.Expr) == 2 && fault.Expr[0] == '\\' && fault.Expr[1] >= '1' && fault.Expr[1] <= '9' {
		return "; the syntax is that of RE2, which has no back references"
	}
	return ""
}

// jsonSort names the sort of a JSON value, for messages.
func jsonSort(raw []byte) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return "nothing"
	}
	switch raw[0] {
	case '"':
		return "a string"
	case '{':
		return "an object"
	case '[':
		return "a list"
	case 't', 'f':
		return "a bool"
	case 'n':
		return "null"
	}
	return "a number"
}

func article(typ string) string {
	switch typ {
	case "int":
		return "a whole number"
	case "float":
		return "a number"
	case "duration":
		return "a duration such as \"250ms\""
	}
	return "a " + typ
}
