package text

import (
	"golang.org/x/text/cases"
	"golang.org/x/text/language"

	"sluice/nodes"
	"sluice/recipe"
)

// ToLowercase turns strings into lower case.
var ToLowercase = nodes.Define(nodes.Spec{
	Kind:     "to_lowercase",
	Category: "text",
	Summary:  "Turns a string into lower case, the same on every machine",
	Doc:      "The mapping is Unicode's, without rules of any language. Bytes that are not UTF-8 have no case: such a record is a dead letter.",
	In:       []nodes.Port{{Name: "in", Type: recipe.String}},
	Out:      []nodes.Port{{Name: "out", Type: recipe.String}},
	Examples: []nodes.Example{
		{In: []any{`C:\Windows\System32\CMD.EXE`, ""}, Out: []any{`c:\windows\system32\cmd.exe`, ""}},
		{
			Doc:   "as a column of structured records",
			Field: "Image",
			Into:  "image",
			In:    []any{nodes.JSON(`{"Image":"A.EXE"}`)},
			Out:   []any{nodes.JSON(`{"Image":"A.EXE","image":"a.exe"}`)},
		},
		{In: []any{"ÇA", "A\xff"}, Out: []any{"ça"}, Dead: []string{"0xff at offset 1"}},
	},
}, func(struct{}, *nodes.Env) (any, error) {
	// The sigma at the end of a word is the one rule that looks at the characters around;
	// without it every character has one answer.
	return &changeCase{from: 'A', to: 'Z', caser: cases.Lower(language.Und, cases.HandleFinalSigma(false))}, nil
})
