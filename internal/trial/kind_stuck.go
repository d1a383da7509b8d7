package trial

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"time"

	"sluice/nodes"
	"sluice/recipe"
)

var stuckKind = nodes.Define(nodes.Spec{
	Kind: "stuck", Category: "source", Summary: "Reads until a file appears, and hears of nothing else", Role: nodes.Origin,
	Out:       []nodes.Port{{Name: "out", Type: recipe.String, Doc: "nothing"}},
	Guarantee: "Reads nothing.",
}, func(c stuckConfig, env *nodes.Env) (any, error) { return &stuck{stuckConfig: c, root: env.Root}, nil })

type stuckConfig struct {
	Begun string `json:"begun" doc:"a file that is made when it reads"`
	Until string `json:"until" doc:"the file, below the root"`
}

type stuck struct {
	stuckConfig
	root *os.Root
}

// Splits implements nodes.Source.
func (s *stuck) Splits(context.Context) ([]nodes.Split, error) {
	return []nodes.Split{json.RawMessage("0")}, nil
}

// Open implements nodes.Source.
func (s *stuck) Open(context.Context, nodes.Split, int64) (nodes.Reader, error) { return s, nil }

// Read implements nodes.Reader.
func (s *stuck) Read(*nodes.Call) error {
	f, err := s.root.Create(s.Begun)
	if err != nil {
		return err
	}
	f.Close()
	_ = until(context.Background(), 5*time.Millisecond, func() bool { // the root is closed when the worker is gone
		_, err := s.root.Stat(s.Until)
		return err == nil || !os.IsNotExist(err)
	})
	return io.EOF
}

// Offset implements nodes.Reader.
func (s *stuck) Offset() int64 { return 0 }

// Close implements nodes.Reader.
func (s *stuck) Close() error { return nil }
