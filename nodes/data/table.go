package data

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"sluice/nodes"
)

// Bounds of a table to look up in, which is held in memory.
const (
	maxTableBytes = 64 << 20
	maxTableRows  = 1_000_000
	maxTableLine  = 1 << 20
)

// table is the rows of a file, as JSON objects, by the text of one column.
type table struct {
	rows map[string]extent
	text []byte
}

// extent is where a row lies in the table's text.
type extent struct{ start, end uint32 }

// find returns the row for a key.
func (t *table) find(key []byte) ([]byte, bool) {
	at, ok := t.rows[string(key)]
	return t.text[at.start:at.end], ok
}

// add puts a row in; the first row of a key stays.
func (t *table) add(key string, row []byte) error {
	if len(t.rows) >= maxTableRows {
		return nodes.Permanentf("the table has more than %d rows", maxTableRows)
	}
	if _, twice := t.rows[key]; twice {
		return nil
	}
	if len(t.text)+len(row) > 2*maxTableBytes {
		return nodes.Permanentf("the table takes more than %d bytes", 2*maxTableBytes)
	}
	start := len(t.text)
	t.text = append(t.text, row...)
	t.rows[key] = extent{uint32(start), uint32(len(t.text))}
	return nil
}

// loadTable reads a file below the root: CSV with a header, or JSON objects, a line
// each, as its name ends.
func loadTable(env *nodes.Env, name, column string) (*table, error) {
	f, err := env.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > maxTableBytes {
		return nil, nodes.Permanentf("%s has %d bytes; a table may have %d", name, info.Size(), maxTableBytes)
	}
	t := &table{rows: map[string]extent{}}
	from := bufio.NewReader(io.LimitReader(f, maxTableBytes+1))
	if mark, err := from.Peek(len(byteOrderMark)); err == nil && bytes.Equal(mark, byteOrderMark) {
		_, _ = from.Discard(len(byteOrderMark)) // it is there
	}
	if isJSONLines(name) {
		err = t.readJSON(from, column)
	} else {
		err = t.readCSV(from, column, separatorOf(name))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return t, nil
}

func isJSONLines(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".json", ".jsonl", ".ndjson":
		return true
	}
	return false
}

func separatorOf(name string) rune {
	if strings.EqualFold(path.Ext(name), ".tsv") {
		return '\t'
	}
	return ','
}

func (t *table) readCSV(from io.Reader, column string, separator rune) error {
	rows := csv.NewReader(from)
	rows.Comma, rows.ReuseRecord = separator, true
	header, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return nodes.Permanentf("the table is empty; its first line names the columns")
	} else if err != nil {
		return tableFault(err)
	}
	keys, err := columnNames(bytesOf(header))
	if err != nil {
		return err
	}
	at := -1
	for i, key := range keys {
		if string(key) == string(nodes.AppendQuoted(nil, []byte(column))) {
			at = i
		}
	}
	if at < 0 {
		return nodes.Permanentf("the table has no column %s; it has %s", column, bytes.Join(keys, []byte(", ")))
	}
	var row []byte
	for {
		fields, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return tableFault(err)
		}
		if row, err = appendRow(row[:0], keys, bytesOf(fields)); err == nil {
			err = t.add(fields[at], row)
		}
		if err != nil {
			line, _ := rows.FieldPos(0)
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
}

// tableFault makes a fault of the text permanent; one of the disk may pass.
func tableFault(err error) error {
	var fault *csv.ParseError
	if errors.As(err, &fault) {
		return nodes.Permanent(err)
	}
	return err
}

func bytesOf(fields []string) [][]byte {
	list := make([][]byte, len(fields))
	for i, f := range fields {
		list[i] = []byte(f)
	}
	return list
}

func (t *table) readJSON(from io.Reader, column string) error {
	field, err := nodes.ParseField(column)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxTableLine)
	var row []byte
	for n := 1; lines.Scan(); n++ {
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 {
			continue
		}
		if err := nodes.CheckJSON(text); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if text[0] != '{' {
			return nodes.Permanentf("line %d: want an object, got %.20q", n, text)
		}
		row = nodes.AppendCompact(row[:0], text)
		value := field.Value(row)
		if value == nil {
			return nodes.Permanentf("line %d: the row has no field %s", n, column)
		}
		if err := t.add(string(nodes.AppendText(nil, nodes.JSONRecord(value))), row); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return nodes.Permanentf("a line has more than %d bytes", maxTableLine)
	}
	return lines.Err()
}
