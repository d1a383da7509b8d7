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
	Expands:  true,
	Summary:  "Reads lines of CSV as JSON objects of strings",
	Doc: "The first line names the columns; a later line that equals it (the next file's header) is dropped, as are empty lines. With `columns` the names are " +
		"given, and the first line is a row unless `header: true` says that it is a header to be skipped. With `header: false` and without `columns` rows are lists. " +
		"A record may hold many rows (read a file as `text` where quoted fields hold line ends): a line end that is not in quotes ends a row, and one bad row gives the " +
		"whole record up. A line with another number of fields is a dead letter. After a header that can't be read every row is a dead letter that says so. " +
		"Of two columns with one name the second gets `_2`, or the next number that is free.",
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
		{
			Doc: "a record of several rows: quoted fields may hold line ends",
			In:  []any{"a,b\n1,2\r\n\"x\ny\",\"z\"\r\n\n3,4\n"},
			Out: []any{nodes.JSON(`{"a":"1","b":"2"}`), nodes.JSON(`{"a":"x\ny","b":"z"}`), nodes.JSON(`{"a":"3","b":"4"}`)},
		},
		{
			Doc: "a header that can't be read", In: []any{`a,"b`, "1,2", "3,4"},
			Dead: []string{"a quote is not closed", `the header "a,\"b" can't be used`, `the header "a,\"b" can't be used`},
		},
		{Doc: "every column has a name of its own", In: []any{"\ufeff\"a\",a,a_2", "1,2,3"}, Out: []any{nodes.JSON(`{"a":"1","a_2":"2","a_2_2":"3"}`)}},
	},
}, newParseCSV)

type csvConfig struct {
	Header    *bool    `json:"header" doc:"whether the first line is a header; true unless columns is given" optional:"true"`
	Separator string   `json:"separator" doc:"one character between fields" default:"," min:"1" max:"4"`
	Columns   []string `json:"columns" doc:"names of the columns" optional:"true" max:"10000"`
}

// HasHeader implements nodes.Headed.
func (c csvConfig) HasHeader() bool {
	if c.Header != nil {
		return *c.Header
	}
	return len(c.Columns) == 0
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
	broken  error // what is wrong with the header: then no row can be read
	out     []byte
}

func newParseCSV(cfg csvConfig, _ *nodes.Env) (any, error) {
	split, err := newSplitter(cfg.Separator)
	if err != nil {
		return nil, err
	}
	p := &parseCSV{split: split, expects: cfg.HasHeader()}
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
	text := bytes.TrimPrefix(r.Bytes(), byteOrderMark)
	for pos := 0; pos < len(text); {
		fields, next, err := p.split.row(text, pos)
		if err != nil {
			next = lineEnd(text, pos) // as much as is kept of a header that is none
		}
		row := trimLineEnd(text[pos:next])
		switch pos = next; {
		case len(row) == 0:
			continue
		case p.expects && !p.seen:
			if err = p.read(row, fields, err); err == nil {
				continue
			}
			return err
		case p.broken != nil:
			return nodes.Permanentf("the header %.80q can't be used: %w", p.header, p.broken)
		case p.expects && bytes.Equal(row, p.header):
			continue
		case err == nil:
			p.out, err = appendRow(p.out[:0], p.keys, fields)
		}
		if err != nil {
			return err
		}
		c.Emit(nodes.JSONRecord(p.out))
	}
	return nil
}

func trimLineEnd(row []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(row, []byte("\n")), []byte("\r"))
}

// read takes a row for the header: its fields, or what is wrong with it.
func (p *parseCSV) read(row []byte, fields [][]byte, fault error) error {
	p.header, p.seen, p.fresh = bytes.Clone(row), true, true
	if p.given != nil {
		return fault // the line is of no use and does no harm
	}
	if p.broken = fault; fault == nil {
		p.keys, p.broken = columnNames(fields)
	}
	return p.broken
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
	p.header, p.seen, p.fresh, p.keys, p.broken = nil, false, false, p.given, nil
	return p.Apply(snapshot)
}

// Apply implements nodes.Stateful.
func (p *parseCSV) Apply(delta []byte) error {
	if len(delta) == 0 {
		return nil
	}
	fields, _, err := p.split.row(delta, 0)
	_ = p.read(delta, fields, err) // whose fault it was once told
	p.fresh = false
	return nil
}
