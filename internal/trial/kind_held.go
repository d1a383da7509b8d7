package trial

import (
	"context"
	"os"
	"sync/atomic"
	"time"

	"sluice/nodes"
)

var heldKind = nodes.Define(nodes.Spec{
	Kind: "held", Category: "flow", Summary: "Holds records until a file appears", Role: nodes.Stateless, Waits: true,
	In:  []nodes.Port{{Name: "in", Type: "T", Doc: "anything"}},
	Out: []nodes.Port{{Name: "out", Type: "T", Doc: "the same"}},
}, func(c heldConfig, env *nodes.Env) (any, error) {
	Held.Add(1)
	return &held{path: c.Path, deaf: c.Deaf, root: env.Root}, nil
})

// Held is the number of instances of the kind held that are not closed.
var Held atomic.Int64

type heldConfig struct {
	Path string `json:"path" doc:"the file, below the root"`
	Deaf bool   `json:"deaf" doc:"hold on when the worker stops" default:"false"`
}

type held struct {
	path string
	deaf bool
	root *os.Root
	free bool
}

// Process implements nodes.Processor.
func (h *held) Process(c *nodes.Call, r nodes.Record) error {
	if !h.free {
		ctx := c.Context()
		if h.deaf {
			ctx = context.WithoutCancel(ctx)
		}
		err := until(ctx, 2*time.Millisecond, func() bool {
			_, err := h.root.Stat(h.path)
			return err == nil || h.deaf && !os.IsNotExist(err) // the root is closed
		})
		if err != nil {
			return err
		}
		h.free = true
	}
	c.Emit(r)
	return nil
}

// Close implements nodes.Closer.
func (h *held) Close() error {
	Held.Add(-1)
	return nil
}
