package trial

import (
	"fmt"
	"os"
	"time"

	"sluice/nodes"
)

var witnessKind = nodes.Define(nodes.Spec{
	Kind: "witness", Category: "flow", Summary: "Passes records, and notes in a file when it saw each", Role: nodes.Stateless,
	Doc: "One line for each time that a record is processed, also when that is thrown away later: the time in nanoseconds and the record.",
	In:  []nodes.Port{{Name: "in", Type: "T", Doc: "anything"}},
	Out: []nodes.Port{{Name: "out", Type: "T", Doc: "the same"}},
}, func(c witnessConfig, env *nodes.Env) (any, error) { return witness{c, env.Root}, nil })

type witnessConfig struct {
	Path string         `json:"path" doc:"the file, below the root"`
	Wait nodes.Duration `json:"wait" doc:"how long a record takes" default:"0s"`
}

type witness struct {
	witnessConfig
	root *os.Root
}

// Process implements nodes.Processor.
func (w witness) Process(c *nodes.Call, r nodes.Record) error {
	f, err := w.root.OpenFile(w.Path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%d %s\n", time.Now().UnixNano(), r.Text())
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil && w.Wait > 0 {
		err = until(c.Context(), time.Duration(w.Wait), nil)
	}
	c.Emit(r)
	return err
}
