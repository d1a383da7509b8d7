package source

import (
	"unicode/utf8"

	"sluice/nodes"
	"sluice/recipe"
)

var stringGeneratorKind = nodes.Define(nodes.Spec{
	Kind:      "string_generator",
	Category:  "source",
	Summary:   "Makes random strings of the letters of an alphabet",
	Doc:       "Without `count` it never ends. A record is a function of the seed and its number. A letter that stands twice in the alphabet is twice as likely.",
	Role:      nodes.Origin,
	Out:       []nodes.Port{{Name: "out", Type: recipe.String, Doc: "the strings"}},
	Guarantee: "Makes the same strings again.",
	Examples: []nodes.Example{
		{Config: "{count: 2, seed: 1}", Out: []any{"C4JW6DWTc2", "4v7R9iRGgp"}},
		{Config: "{count: 2, length: 3, alphabet: é}", Out: []any{"ééé", "ééé"}},
	},
}, newStringGenerator)

type stringGeneratorConfig struct {
	Count    *int64  `json:"count" doc:"how many; without it the source never ends" min:"0"`
	Seed     *uint64 `json:"seed" doc:"start of the random sequence; without it the job's"`
	Length   int     `json:"length" doc:"letters of each string" default:"10" min:"0" max:"65536"`
	Alphabet string  `json:"alphabet" doc:"the letters to choose from" default:"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" min:"1" max:"4096"`
}

func newStringGenerator(c stringGeneratorConfig, env *nodes.Env) (any, error) {
	seed, letters := seedOf(c.Seed, env), []rune(c.Alphabet)
	return &generated{count: c.Count, emit: func(call *nodes.Call, record uint64) {
		d := diceOf(seed, record)
		var room [64]byte
		text := room[:0]
		for range c.Length {
			text = utf8.AppendRune(text, letters[d.below(uint64(len(letters)))])
		}
		call.Emit(nodes.StringRecord(text))
	}}, nil
}
