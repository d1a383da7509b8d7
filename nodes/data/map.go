package data

import (
	"strings"

	"sluice/nodes"
	"sluice/recipe"
)

// Map makes a JSON value of each record by an expression.
var Map = nodes.Define(nodes.Spec{
	Kind:     "map",
	Category: "data",
	Summary:  "Makes a JSON value of each record by an expression",
	Doc: "The language is that of expr-lang.org; the value is called `record`, `{name: record.a}` makes an object. " + exprDoc +
		" The keys of the objects that come out are in the order of their names, but the expression `record` passes JSON as it is.",
	In:      []nodes.Port{{Name: "in", Type: recipe.Any}},
	Out:     []nodes.Port{{Name: "out", Type: recipe.JSON}},
	Expands: true,
	Examples: []nodes.Example{
		{
			Config: "expr: '{name: lower(record.user), id: record.id + 1}'",
			In:     []any{nodes.JSON(`{"user":"BOB","id":9007199254740992,"more":[1]}`)},
			Out:    []any{nodes.JSON(`{"id":9007199254740993,"name":"bob"}`)},
		},
		{Doc: "the record as it is", Config: "expr: record", In: []any{nodes.JSON(`{"b":1.0,"a":[]}`)}, Out: []any{nodes.JSON(`{"b":1.0,"a":[]}`)}},
		{Doc: "of any type", Config: "expr: 'record * 2'", In: []any{int64(21), int64(-1)}, Out: []any{nodes.JSON(`42`), nodes.JSON(`-2`)}},
		{Config: "expr: 'len(record)'", In: []any{"four", ""}, Out: []any{nodes.JSON(`4`), nodes.JSON(`0`)}},
		{
			Doc:    "an overflow is a dead letter, not another number",
			Config: "expr: 'record.n * 2'",
			In:     []any{nodes.JSON(`{"n":9223372036854775807}`), nodes.JSON(`{"n":1}`), nodes.JSON(`{"n":123456789012345678901}`)},
			Out:    []any{nodes.JSON(`2`)},
			Dead:   []string{"passes 64 bit", "does not fit 64 bit"},
		},
	},
}, newMap)

type exprMap struct {
	same   bool // the expression is the record itself
	change *expression
	to     encoder
}

func newMap(cfg exprConfig, env *nodes.Env) (any, error) {
	change, err := compileExpression(cfg.Expr, inputType(env))
	if err != nil {
		return nil, err
	}
	return &exprMap{same: strings.TrimSpace(cfg.Expr) == "record", change: change}, nil
}

// Process implements nodes.Processor.
func (m *exprMap) Process(c *nodes.Call, r nodes.Record) error {
	v, err := m.change.run(r)
	if err != nil {
		return err
	}
	if m.same && r.Type() == recipe.JSON { // the keys keep their order
		c.Emit(r)
		return nil
	}
	text, err := m.to.encode(v)
	if err != nil {
		return err
	}
	c.Emit(nodes.JSONRecord(text))
	return nil
}
