package data

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"sluice/nodes"
)

// maxColumns bounds the fields of one line.
const maxColumns = 10_000

// splitter cuts one line of CSV into its fields (RFC 4180, with any separator): a field
// may stand in double quotes, a double quote in it is written twice.
type splitter struct {
	separator string
	fields    [][]byte
	unquoted  []byte
}

func newSplitter(separator string) (*splitter, error) {
	if utf8.RuneCountInString(separator) != 1 || strings.ContainsAny(separator, "\"\r\n") {
		return nil, errors.New("separator must be one character, and not a quote or a line's end")
	}
	return &splitter{separator: separator}, nil
}

// split returns the fields, valid until the next call.
func (s *splitter) split(line []byte) ([][]byte, error) {
	s.fields, s.unquoted = s.fields[:0], s.unquoted[:0]
	for rest := line; ; {
		field, after, more, err := s.next(rest)
		if err != nil {
			return nil, nodes.Permanentf("the line is not CSV at offset %d: %w", len(line)-len(after), err)
		}
		if s.fields = append(s.fields, field); len(s.fields) > maxColumns {
			return nil, nodes.Permanentf("the line has more than %d fields", maxColumns)
		}
		if !more {
			return s.fields, nil
		}
		rest = after
	}
}

func (s *splitter) next(rest []byte) (field, after []byte, more bool, err error) {
	if len(rest) == 0 || rest[0] != '"' {
		field, after, more = bytes.Cut(rest, []byte(s.separator))
		return field, after, more, nil
	}
	start := len(s.unquoted)
	for rest = rest[1:]; ; {
		k := bytes.IndexByte(rest, '"')
		if k < 0 {
			return nil, nil, false, errors.New("a quote is not closed")
		}
		s.unquoted = append(s.unquoted, rest[:k]...)
		if rest = rest[k+1:]; len(rest) == 0 || rest[0] != '"' {
			break
		}
		s.unquoted = append(s.unquoted, '"')
		rest = rest[1:]
	}
	field = s.unquoted[start:len(s.unquoted):len(s.unquoted)]
	if len(rest) == 0 {
		return field, nil, false, nil
	}
	after, more = bytes.CutPrefix(rest, []byte(s.separator))
	if !more {
		return nil, rest, false, errors.New("a separator must follow the closing quote")
	}
	return field, after, true, nil
}

// columnNames makes JSON keys of the names of a header: without a byte order mark, a
// number put to a name that stood before.
func columnNames(fields [][]byte) ([][]byte, error) {
	seen := map[string]int{}
	var keys [][]byte
	for i, f := range fields {
		name := string(f)
		if i == 0 {
			name = strings.TrimPrefix(name, "\ufeff")
		}
		if !utf8.ValidString(name) {
			return nil, nodes.Permanentf("the name of column %d is not UTF-8", i+1)
		}
		if seen[name]++; seen[name] > 1 {
			name = fmt.Sprintf("%s_%d", name, seen[name])
		}
		keys = append(keys, nodes.AppendQuoted(nil, []byte(name)))
	}
	return keys, nil
}

// appendRow appends the fields as an object with those keys, or as a list when there
// are none.
func appendRow(dst []byte, keys, fields [][]byte) ([]byte, error) {
	open, end := byte('{'), byte('}')
	if keys == nil {
		open, end = '[', ']'
	} else if len(fields) != len(keys) {
		return nil, nodes.Permanentf("the line has %d fields; there are %d columns", len(fields), len(keys))
	}
	dst = append(dst, open)
	for i, f := range fields {
		if !utf8.Valid(f) {
			return nil, nodes.Permanentf("field %d is not UTF-8, which JSON needs", i+1)
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		if keys != nil {
			dst = append(append(dst, keys[i]...), ':')
		}
		dst = nodes.AppendQuoted(dst, f)
	}
	return append(dst, end), nil
}
