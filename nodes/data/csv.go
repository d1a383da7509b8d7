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

// splitter cuts text into the rows and fields of CSV (RFC 4180, with any separator): a
// row ends at \n or \r\n; a field may stand in double quotes, and then hold line ends and,
// written twice, double quotes.
type splitter struct {
	separator []byte
	fields    [][]byte
	unquoted  []byte
}

func newSplitter(separator string) (*splitter, error) {
	if utf8.RuneCountInString(separator) != 1 || strings.ContainsAny(separator, "\"\r\n") {
		return nil, errors.New("separator must be one character, and not a quote or a line's end")
	}
	return &splitter{separator: []byte(separator)}, nil
}

// row returns the fields of the row that begins at pos, valid until the next call, and
// where the next row begins.
func (s *splitter) row(text []byte, pos int) (fields [][]byte, next int, err error) {
	s.fields, s.unquoted = s.fields[:0], s.unquoted[:0]
	for end := lineEnd(text, pos); ; pos += len(s.separator) {
		var field []byte
		if pos < len(text) && text[pos] == '"' {
			if field, pos, err = s.quoted(text, pos); err != nil {
				return nil, 0, err
			}
			if pos > end { // there are line ends in the quotes
				end = lineEnd(text, pos)
			}
		} else {
			field, _, _ = bytes.Cut(text[pos:end], s.separator)
			if pos += len(field); pos == end {
				field = bytes.TrimSuffix(field, []byte("\r"))
			}
		}
		if s.fields = append(s.fields, field); len(s.fields) > maxColumns {
			return nil, 0, nodes.Permanentf("the line has more than %d fields", maxColumns)
		}
		rest := text[pos:end]
		switch {
		case len(rest) == 0 || string(rest) == "\r":
			return s.fields, min(end+1, len(text)), nil
		case !bytes.HasPrefix(rest, s.separator):
			return nil, 0, nodes.Permanentf("the line is not CSV at offset %d: a separator must follow the closing quote", pos)
		}
	}
}

// lineEnd is the place of the next \n, or the end.
func lineEnd(text []byte, pos int) int {
	if k := bytes.IndexByte(text[pos:], '\n'); k >= 0 {
		return pos + k
	}
	return len(text)
}

// quoted returns the field whose opening quote is at pos, and the place behind its
// closing one.
func (s *splitter) quoted(text []byte, pos int) (field []byte, after int, err error) {
	start := len(s.unquoted)
	for rest := text[pos+1:]; ; {
		k := bytes.IndexByte(rest, '"')
		if k < 0 {
			return nil, 0, nodes.Permanentf("the line is not CSV at offset %d: a quote is not closed", pos)
		}
		s.unquoted = append(s.unquoted, rest[:k]...)
		if rest = rest[k+1:]; len(rest) == 0 || rest[0] != '"' {
			return s.unquoted[start:len(s.unquoted):len(s.unquoted)], len(text) - len(rest), nil
		}
		s.unquoted = append(s.unquoted, '"')
		rest = rest[1:]
	}
}

// byteOrderMark may stand before the first line of a file.
var byteOrderMark = []byte("\ufeff")

// columnNames makes JSON keys of the names of a header: a number is put to a name that
// stood before, the first from 2 on that makes a new name.
func columnNames(fields [][]byte) ([][]byte, error) {
	taken := map[string]int{}
	var keys [][]byte
	for i, f := range fields {
		if !utf8.Valid(f) {
			return nil, nodes.Permanentf("the name of column %d is not UTF-8", i+1)
		}
		name := string(f)
		for taken[name] > 0 {
			first := string(f)
			taken[first]++
			name = fmt.Sprintf("%s_%d", first, taken[first])
		}
		taken[name]++
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
