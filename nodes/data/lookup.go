package data

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"sluice/nodes"
	"sluice/recipe"
)

// Lookup joins records with a table.
var Lookup = nodes.Define(nodes.Spec{
	Kind:     "lookup",
	Category: "data",
	Summary:  "Joins each record with the row of a table file that has its key",
	Doc: "The table is CSV with a header (`.tsv`: with tabs), or JSON objects, a line each (`.json`, `.jsonl`, `.ndjson`). `key` names the field of a JSON record and, unless " +
		"`column` says otherwise, the column of the table; keys are compared by their text form. The row is put into the record as an object under `into`, " +
		"which is the file's name without its ending when it is left out. A record of another type is the key itself, and becomes an object with the fields `key` and `into`. " +
		"Of several rows with one key the first counts. A table may have 64 MiB and a million rows (it is not unpacked); it is read once, and must not change while the job runs. A table that is missing, or has one bad row, fails the job, " +
		"which names the file and the line.",
	In:  []nodes.Port{{Name: "in", Type: recipe.Any}},
	Out: []nodes.Port{{Name: "out", Type: recipe.JSON}},
	// A short key may bring a long row.
	Expands: true,
	Examples: []nodes.Example{
		{
			Config: "path: hosts.csv\nkey: ip",
			Files:  map[string]string{"hosts.csv": "ip,name\n10.0.0.1,alpha\n10.0.0.2,beta\n"},
			In:     []any{nodes.JSON(`{"ip":"10.0.0.2","n":1}`), nodes.JSON(`{"ip":"10.9.9.9"}`)},
			Out:    []any{nodes.JSON(`{"ip":"10.0.0.2","n":1,"hosts":{"ip":"10.0.0.2","name":"beta"}}`), nodes.JSON(`{"ip":"10.9.9.9"}`)},
		},
		{
			Doc:    "a table of JSON lines, another name for its key, and only what is found",
			Config: "path: users.jsonl\nkey: uid\ncolumn: id\ninto: user\non_miss: drop",
			Files:  map[string]string{"users.jsonl": `{"id": 7, "name": "bob"}` + "\n"},
			In:     []any{nodes.JSON(`{"uid":7}`), nodes.JSON(`{"uid":8}`), nodes.JSON(`{"uid":"7"}`)},
			Out:    []any{nodes.JSON(`{"uid":7,"user":{"id":7,"name":"bob"}}`), nodes.JSON(`{"uid":"7","user":{"id":7,"name":"bob"}}`)},
		},
		{
			Doc:    "a string is the key itself",
			Config: "path: t/hosts.csv\nkey: ip",
			Files:  map[string]string{"t/hosts.csv": "ip,name\n10.0.0.1,alpha\n"},
			In:     []any{"10.0.0.1", "none"},
			Out:    []any{nodes.JSON(`{"ip":"10.0.0.1","hosts":{"ip":"10.0.0.1","name":"alpha"}}`), nodes.JSON(`{"ip":"none"}`)},
		},
		{
			Config: "path: hosts.csv\nkey: ip",
			Files:  map[string]string{"hosts.csv": "ip\n1\n"},
			In:     []any{nodes.JSON(`{"host":"x"}`), nodes.JSON(`[1]`), nodes.JSON(`{"ip":1}`)},
			Out:    []any{nodes.JSON(`{"ip":1,"hosts":{"ip":"1"}}`)},
			Dead:   []string{"no field ip", "no field ip"},
		},
	},
}, newLookup)

type lookupConfig struct {
	Path   string `json:"path" doc:"file of the table, below the root, or an artifact: artifact:SHA256/NAME" format:"path"`
	Key    string `json:"key" doc:"field of the record that is looked up" min:"1"`
	Column string `json:"column" doc:"column of the table that is compared; the key's name when left out" optional:"true"`
	Into   string `json:"into" doc:"field that the row is put into; the file's name without ending when left out" optional:"true"`
	OnMiss string `json:"on_miss" doc:"what happens to a record without a row" default:"pass" enum:"pass|drop"`
}

type lookup struct {
	cfg       lookupConfig
	env       *nodes.Env
	key, into nodes.Field
	table     *table
	text, out []byte
}

func newLookup(cfg lookupConfig, env *nodes.Env) (any, error) {
	if cfg.Column == "" {
		cfg.Column = cfg.Key
	}
	if cfg.Into == "" {
		base := path.Base(cfg.Path)
		if cfg.Into = strings.TrimSuffix(base, path.Ext(base)); cfg.Into == "" {
			return nil, errors.New("into is needed: the file's name has nothing before its ending")
		}
	}
	if nodes.IsArtifact(cfg.Path) {
		if _, _, err := nodes.ParseArtifact(cfg.Path); err != nil {
			return nil, err
		}
	}
	l := &lookup{cfg: cfg, env: env}
	var err error
	if l.key, err = nodes.ParseField(cfg.Key); err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	if l.into, err = nodes.ParseField(cfg.Into); err != nil {
		return nil, fmt.Errorf("into: %w", err)
	}
	if env.Checking {
		return l, nil
	}
	return l, l.load()
}

// Process implements nodes.Processor.
func (l *lookup) Process(c *nodes.Call, r nodes.Record) error {
	doc, key, err := l.read(r)
	if err != nil {
		return err
	}
	row, ok := l.table.find(key)
	if !ok {
		if l.cfg.OnMiss == "pass" {
			c.Emit(nodes.JSONRecord(doc))
		}
		return nil
	}
	if l.out, err = l.into.AppendWith(l.out[:0], doc, row); err != nil {
		return err
	}
	c.Emit(nodes.JSONRecord(l.out))
	return nil
}

// load reads the table, or takes what another instance of the step has read. A fault of
// the table is one of the node, not of a record.
func (l *lookup) load() error {
	v, err := l.env.Shared.Load("lookup table", func() (any, error) { return loadTable(l.env, l.cfg.Path, l.cfg.Column) })
	if err != nil {
		return fmt.Errorf("the table %w", err)
	}
	l.table = v.(*table)
	return nil
}

// read returns the record as a JSON object, and the text of its key.
func (l *lookup) read(r nodes.Record) (doc, key []byte, err error) {
	if r.Type() == recipe.JSON && len(r.Bytes()) > 0 && (r.Bytes()[0] == '{' || r.Bytes()[0] == '[') {
		value := l.key.Value(r.Bytes())
		if value == nil {
			return nil, nil, nodes.Permanentf("the record has no field %s", l.key)
		}
		l.text = nodes.AppendText(l.text[:0], nodes.JSONRecord(value))
		return r.Bytes(), l.text, nil
	}
	value, err := nodes.AppendJSON(nil, r)
	if err != nil {
		return nil, nil, err
	}
	doc = append(append(append([]byte{'{'}, nodes.AppendQuoted(nil, []byte(l.cfg.Key))...), ':'), value...)
	l.text = nodes.AppendText(l.text[:0], r)
	return append(doc, '}'), l.text, nil
}
