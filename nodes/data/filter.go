package data

import (
	"github.com/expr-lang/expr"

	"sluice/nodes"
	"sluice/recipe"
)

// Filter passes the records for which an expression is true.
var Filter = nodes.Define(nodes.Spec{
	Kind:     "filter",
	Category: "data",
	Summary:  "Passes the records for which an expression is true",
	Doc: "The language is that of expr-lang.org; the value is called `record`. " + exprDoc +
		" A field that is missing is nil; reading further into nil makes the record a dead letter, unless written `record.user?.name`.",
	In:  []nodes.Port{{Name: "in", Type: "T"}},
	Out: []nodes.Port{{Name: "out", Type: "T", Doc: "the records that passed, unchanged"}},
	Examples: []nodes.Example{
		{
			Config: `expr: 'record.EventID == 1 and record.Image endsWith ".exe"'`,
			In: []any{
				nodes.JSON(`{"EventID":1,"Image":"a.exe"}`), nodes.JSON(`{"EventID":3}`), nodes.JSON(`{"Image":"b","EventID":1}`),
			},
			Out: []any{nodes.JSON(`{"EventID":1,"Image":"a.exe"}`)},
		},
		{
			Doc:    "integers are exact beyond 2^53",
			Config: "expr: 'record.n == 9007199254740993'",
			In:     []any{nodes.JSON(`{"n":9007199254740992}`), nodes.JSON(`{"n":9007199254740993}`)},
			Out:    []any{nodes.JSON(`{"n":9007199254740993}`)},
		},
		{Doc: "of any type", Config: "expr: 'record % 2 == 0'", In: []any{int64(1), int64(2), int64(4)}, Out: []any{int64(2), int64(4)}},
		{
			Doc:    "what can't be decided is a dead letter",
			Config: "expr: 'record.a.b > 1'",
			In:     []any{nodes.JSON(`{"a":{"b":2}}`), nodes.JSON(`{}`), nodes.JSON(`{"a":{"b":"x"}}`)},
			Out:    []any{nodes.JSON(`{"a":{"b":2}}`)},
			Dead:   []string{"cannot fetch b", "invalid operation"},
		},
	},
}, newFilter)

// exprDoc is what holds for every expression.
const exprDoc = "Whole numbers are 64 bit and an overflow is an error; whole numbers beyond that pass through but can't be calculated with. " +
	"The functions now and flatten are not there; the groups of groupBy are an object, its keys in text form; keys, values and toPairs come in the order of the keys. An expression may take ten million rounds " +
	"and make 64 MiB and a million elements on the way."

type exprConfig struct {
	Expr string `json:"expr" doc:"expression over record" format:"expr" min:"1" max:"16384"`
}

type filter struct{ condition *expression }

func newFilter(cfg exprConfig, env *nodes.Env) (any, error) {
	condition, err := compileExpression(cfg.Expr, inputType(env), expr.AsBool())
	if err != nil {
		return nil, err
	}
	return &filter{condition}, nil
}

// inputType is the type of the records to come, any while it is not known.
func inputType(env *nodes.Env) recipe.Type {
	if len(env.Types.In) == 0 {
		return recipe.Any
	}
	return env.Types.In[0].Type
}

// Process implements nodes.Processor.
func (f *filter) Process(c *nodes.Call, r nodes.Record) error {
	v, err := f.condition.run(r)
	if err != nil {
		return err
	}
	pass, ok := v.(bool)
	if !ok {
		return nodes.Permanentf("the expression gives a value of type %T; true or false is wanted", v)
	}
	if pass {
		c.Emit(r)
	}
	return nil
}
