package trial

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"

	"sluice/nodes"
	"sluice/recipe"
)

var keepKind = nodes.Define(nodes.Spec{
	Kind: "keep", Category: "sink", Summary: "Keeps what arrives in a file, with its type", Role: nodes.Sink,
	In:        []nodes.Port{{Name: "in", Type: recipe.Any, Doc: "the records"}},
	Guarantee: "None after a crash.",
}, func(c keepConfig, env *nodes.Env) (any, error) { return &keep{path: c.Path, root: env.Root}, nil })

type keepConfig struct {
	Path string `json:"path" doc:"file below the root"`
}

type keep struct {
	path string
	root *os.Root
	got  []byte
}

// Process implements nodes.Processor.
func (k *keep) Process(_ *nodes.Call, r nodes.Record) error {
	k.got = append(k.got, kept(r)...)
	k.got = append(k.got, '\n')
	return nil
}

// kept is the line that keep writes for a record.
func kept(r nodes.Record) string {
	b := nodes.Batch{Type: r.Type()}
	b.Append(r)
	return fmt.Sprintf("%s %s", r.Type(), hex.EncodeToString(b.Encoded()))
}

// Seal implements nodes.Sealer.
func (k *keep) Seal(context.Context) error { return k.root.WriteFile(k.path, k.got, 0o644) }
