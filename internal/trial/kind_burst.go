package trial

import (
	"bytes"
	"strconv"

	"sluice/nodes"
	"sluice/recipe"
)

var burstKind = nodes.Define(nodes.Spec{
	Kind: "burst", Category: "flow", Summary: "Makes many records of one", Role: nodes.Stateless, Expands: true,
	In:  []nodes.Port{{Name: "in", Type: recipe.String, Doc: "anything"}},
	Out: []nodes.Port{{Name: "out", Type: recipe.String, Doc: "the record and a number, from 0"}},
}, func(c burstConfig, _ *nodes.Env) (any, error) { return c, nil })

type burstConfig struct {
	Count int `json:"count" doc:"how many" default:"0" min:"0"`
	Bytes int `json:"bytes" doc:"if not 0, one record of so many bytes instead" default:"0" min:"0"`
}

// Process implements nodes.Processor.
func (b burstConfig) Process(c *nodes.Call, r nodes.Record) error {
	if b.Bytes > 0 {
		c.Emit(nodes.StringRecord(bytes.Repeat(append(r.Bytes(), '.'), b.Bytes/(len(r.Bytes())+1))))
	}
	for i := range b.Count {
		c.Emit(nodes.TextRecord(r.Text() + "." + strconv.Itoa(i)))
	}
	return nil
}
