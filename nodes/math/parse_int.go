package math

import (
	"errors"
	"strconv"

	"sluice/nodes"
	"sluice/recipe"
)

var parseIntKind = nodes.Define(nodes.Spec{
	Kind:     "parse_int",
	Category: "math",
	Summary:  "Reads decimal integers of 64 bit",
	In:       []nodes.Port{{Name: "in", Type: recipe.String, Doc: "digits, with or without a sign"}},
	Out:      []nodes.Port{{Name: "out", Type: recipe.Int, Doc: "the number"}},
	Examples: []nodes.Example{
		{In: []any{"1", "abc", "3"}, Out: []any{1, 3}, Dead: []string{`"abc" is no integer`}},
		{
			Doc: "64 bit, not more", In: []any{"-9223372036854775808", "+7", "9223372036854775808", ""}, Out: []any{-9223372036854775808, 7},
			Dead: []string{"passes 64 bit", `"" is no integer`},
		},
		{Field: "port", In: []any{nodes.JSON(`{"port":"22","up":true}`)}, Out: []any{nodes.JSON(`{"port":22,"up":true}`)}},
	},
}, newParseInt)

type parseInt struct{}

func newParseInt(noConfig, *nodes.Env) (any, error) { return parseInt{}, nil }

// Process implements nodes.Processor.
func (parseInt) Process(c *nodes.Call, r nodes.Record) error {
	v, err := strconv.ParseInt(string(r.Bytes()), 10, 64)
	if err != nil {
		return parseFault(r, "integer", err)
	}
	c.Emit(nodes.IntRecord(v))
	return nil
}

// parseFault says why a text is no number, without repeating all of a long one.
func parseFault(r nodes.Record, what string, err error) error {
	text := r.Bytes()
	if len(text) > 60 {
		text = append(text[:60:60], "…"...)
	}
	if errors.Is(err, strconv.ErrRange) {
		return nodes.Permanentf("%s passes 64 bit", text)
	}
	return nodes.Permanentf("%q is no %s", text, what)
}
