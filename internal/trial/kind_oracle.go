package trial

import (
	"crypto/rand"
	"strings"

	"sluice/nodes"
	"sluice/recipe"
)

var oracleKind = nodes.Define(nodes.Spec{
	Kind: "oracle", Category: "flow", Summary: "Gives other answers every time it is asked", Role: nodes.Stateless, Expands: true, Impure: true,
	Doc: "`bad` is given up.",
	In:  []nodes.Port{{Name: "in", Type: recipe.String, Doc: "anything"}},
	Out: []nodes.Port{{Name: "out", Type: recipe.String, Doc: "the record and an answer, so often"}},
}, func(c oracleConfig, _ *nodes.Env) (any, error) { return c, nil })

type oracleConfig struct {
	Count int `json:"count" doc:"answers" min:"1"`
	Bytes int `json:"bytes" doc:"size of one, beside what is in it" min:"0"`
}

// Process implements nodes.Processor.
func (o oracleConfig) Process(c *nodes.Call, r nodes.Record) error {
	text := r.Text()
	if text == "bad" {
		return nodes.Permanentf("no answer %s", rand.Text())
	}
	for range o.Count {
		c.Emit(nodes.TextRecord(text + rand.Text() + strings.Repeat(".", o.Bytes)))
	}
	return nil
}
