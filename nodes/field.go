package nodes

import (
	"bytes"
	"strings"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"
)

// Field is a dotted path into json records: user.name, answers.0.ip. A key that is
// the whole path, dots and all (id.orig_h in Zeek's logs), goes before the path.
type Field struct {
	name       string
	key, path  string // escaped for gjson and sjson
	separators bool
}

// ParseField reads a dotted path; `\.` is a dot inside a key.
func ParseField(name string) (Field, error) {
	if name == "" {
		return Field{}, Permanentf("the name of a field is empty")
	}
	f := Field{name: name}
	var path strings.Builder
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '.':
			f.separators = true
			path.WriteByte('.')
		case c == '\\' && i+1 < len(name) && name[i+1] == '.':
			i++
			path.WriteString(`\.`)
		default:
			escapeInto(&path, c)
		}
	}
	f.path = path.String()
	var key strings.Builder
	for i := range len(name) {
		escapeInto(&key, name[i])
	}
	f.key = key.String()
	if strings.HasPrefix(f.path, ".") || strings.HasSuffix(f.path, ".") || strings.Contains(f.path, "..") {
		return Field{}, Permanentf("%q is no path of a field: a part of it is empty", name)
	}
	return f, nil
}

// escapeInto takes their meaning off the characters that gjson and sjson give one.
func escapeInto(b *strings.Builder, c byte) {
	if strings.IndexByte(`.*?|#@!{}[]\:`, c) >= 0 {
		b.WriteByte('\\')
	}
	b.WriteByte(c)
}

// String returns the path as it was given.
func (f Field) String() string { return f.name }

// Value returns the JSON text of the field in doc, nil when it is not there.
func (f Field) Value(doc []byte) []byte {
	raw, _, _ := f.find(doc)
	return raw
}

// find returns the value, where in doc it lies (-1 when gjson does not say) and the
// path at which it was found.
func (f Field) find(doc []byte) (raw []byte, at int, path string) {
	if f.separators {
		if raw, at = lookIn(doc, f.key); raw != nil {
			return raw, at, f.key
		}
	}
	raw, at = lookIn(doc, f.path)
	return raw, at, f.path
}

// lookIn returns the value at a path as a part of doc, where it is one.
func lookIn(doc []byte, path string) ([]byte, int) {
	if len(doc) == 0 || doc[0] != '{' && doc[0] != '[' {
		return nil, -1
	}
	v := gjson.GetBytes(doc, path)
	if !v.Exists() {
		return nil, -1
	}
	if end := v.Index + len(v.Raw); v.Index > 0 && end <= len(doc) && string(doc[v.Index:end]) == v.Raw {
		return doc[v.Index:end:end], v.Index
	}
	return []byte(v.Raw), -1
}

// AppendWith appends doc with the field set to value, a JSON text. Keys keep their
// order, and a new one comes last.
func (f Field) AppendWith(dst, doc, value []byte) ([]byte, error) {
	if len(doc) == 0 || doc[0] != '{' {
		return dst, Permanentf("the record is %s; a field is written into an object", jsonSort(doc))
	}
	old, at, path := f.find(doc)
	switch {
	case at >= 0:
		dst = append(dst, doc[:at]...)
		dst = append(dst, value...)
		return append(dst, doc[at+len(old):]...), nil
	case old == nil && !f.separators:
		return f.appendKey(dst, doc, value), nil
	}
	set, err := sjson.SetRawBytes(bytes.Clone(doc), path, value)
	if err != nil {
		return dst, Permanentf("the field %s can't be written: %w", f.name, err)
	}
	return append(dst, set...), nil
}

func (f Field) appendKey(dst, doc, value []byte) []byte {
	end := bytes.LastIndexByte(doc, '}')
	body := bytes.TrimRight(doc[:end], " \t\r\n")
	dst = append(dst, body...)
	if len(body) > 1 {
		dst = append(dst, ',')
	}
	dst = AppendQuoted(dst, []byte(strings.ReplaceAll(f.name, `\.`, ".")))
	dst = append(dst, ':')
	dst = append(dst, value...)
	return append(dst, '}')
}
