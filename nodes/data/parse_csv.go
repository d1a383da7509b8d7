package data

import (
	"bytes"

	"sluice/nodes"
	"sluice/recipe"
)

// ParseCSV reads lines of CSV.
var ParseCSV = nodes.Define(nodes.Spec{
	Kind:     "parse_csv",
	Category: "data",
	Summary:  "Reads lines of CSV as JSON objects of strings",
	Doc: "The first line names the columns; a later line that equals it (the next file's header) is dropped, as are empty lines. With `columns` the names are " +
		"given, and the first line is a row unless `header: true` says that it is a header to be skipped. With `header: false` and without `columns` rows are lists. " +
		"A line with another number of fields is a dead letter. Of two columns with one name the second gets `_2`.",
	Role: nodes.Ordered,
	In:   []nodes.Port{{Name: "in", Type: recipe.String}},
	Out:  []nodes.Port{{Name: "out", Type: recipe.JSON}},
	Examples: []nodes.Example{
		{
			In:  []any{"ip,note", `10.0.0.1,"a ""b"", c"`, "", "ip,note", "10.0.0.2,"},
			Out: []any{nodes.JSON(`{"ip":"10.0.0.1","note":"a \"b\", c"}`), nodes.JSON(`{"ip":"10.0.0.2","note":""}`)},
		},
		{
			Doc:    "names of one's own, another separator",
			Config: "columns: [a, b]\nseparator: ';'",
			In:     []any{"1;2", "3;4,5"},
			Out:    []any{nodes.JSON(`{"a":"1","b":"2"}`), nodes.JSON(`{"a":"3","b":"4,5"}`)},
		},
		{Doc: "no names at all", Config: "header: false", In: []any{"1,2", "3"}, Out: []any{nodes.JSON(`["1","2"]`), nodes.JSON(`["3"]`)}},
		{
			In:   []any{"a,a", "1,2", "1,2,3", `"1,2`, `"1"2,3`, "x,\xff"},
			Out:  []any{nodes.JSON(`{"a":"1","a_2":"2"}`)},
			Dead: []string{"3 fields; there are 2 columns", "not closed", "at offset 3", "field 2 is not UTF-8"},
		},
	},
}, newParseCSV)

type csvConfig struct {
	Header    *bool    `json:"header" doc:"whether the first line is a header; true unless columns is given" optional:"true"`
	Separator string   `json:"separator" doc:"one character between fields" default:"," min:"1" max:"4"`
	Columns   []string `json:"columns" doc:"names of the columns" optional:"true" max:"10000"`
}

// parseCSV's state is the header line, once it was seen.
type parseCSV struct {
	split   *splitter
	given   [][]byte // the keys of columns
	expects bool     // a header
	header  []byte
	seen    bool
	fresh   bool // the header was seen since the last delta
	keys    [][]byte
	out     []byte
}

func newParseCSV(cfg csvConfig, _ *nodes.Env) (any, error) {
	split, err := newSplitter(cfg.Separator)
	if err != nil {
		return nil, err
	}
	p := &parseCSV{split: split, expects: len(cfg.Columns) == 0}
	if cfg.Header != nil {
		p.expects = *cfg.Header
	}
	if len(cfg.Columns) > 0 {
		var names [][]byte
		for _, name := range cfg.Columns {
			names = append(names, []byte(name))
		}
		if p.given, err = columnNames(names); err != nil {
			return nil, err
		}
		p.keys = p.given
	}
	return p, nil
}

// Process implements nodes.Processor.
func (p *parseCSV) Process(c *nodes.Call, r nodes.Record) error {
	line := bytes.TrimSuffix(r.Bytes(), []byte("\r"))
	if len(line) == 0 {
		return nil
	}
	if p.expects {
		if !p.seen {
			return p.read(line)
		}
		if bytes.Equal(line, p.header) {
			return nil
		}
	}
	fields, err := p.split.split(line)
	if err != nil {
		return err
	}
	if p.out, err = appendRow(p.out[:0], p.keys, fields); err != nil {
		return err
	}
	c.Emit(nodes.JSONRecord(p.out))
	return nil
}

// read takes line for the header.
func (p *parseCSV) read(line []byte) error {
	fields, err := p.split.split(line)
	if err != nil {
		return err
	}
	if p.given == nil {
		if p.keys, err = columnNames(fields); err != nil {
			return err
		}
	}
	p.header, p.seen, p.fresh = bytes.Clone(line), true, true
	return nil
}

// AppendDelta implements nodes.Stateful.
func (p *parseCSV) AppendDelta(b []byte) []byte {
	if p.fresh {
		b = append(b, p.header...)
	}
	p.fresh = false
	return b
}

// AppendSnapshot implements nodes.Stateful.
func (p *parseCSV) AppendSnapshot(b []byte) []byte {
	p.fresh = false
	return append(b, p.header...)
}

// Restore implements nodes.Stateful.
func (p *parseCSV) Restore(snapshot []byte) error {
	p.header, p.seen, p.fresh, p.keys = nil, false, false, p.given
	return p.Apply(snapshot)
}

// Apply implements nodes.Stateful.
func (p *parseCSV) Apply(delta []byte) error {
	if len(delta) == 0 {
		return nil
	}
	err := p.read(delta)
	p.fresh = false
	return err
}
