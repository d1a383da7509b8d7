package nodetest

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"sluice/nodes"
	"sluice/recipe"
)

// recorder takes the place of testing.T and keeps what was said.
type recorder struct {
	*testing.T
	said []string
}

func (r *recorder) Helper()                   {}
func (r *recorder) Failed() bool              { return len(r.said) > 0 }
func (r *recorder) Error(args ...any)         { r.said = append(r.said, fmt.Sprint(args...)) }
func (r *recorder) Errorf(f string, a ...any) { r.Error(fmt.Sprintf(f, a...)) }
func (r *recorder) Fatal(args ...any)         { r.Error(args...); runtime.Goexit() }
func (r *recorder) Fatalf(f string, a ...any) { r.Fatal(fmt.Sprintf(f, a...)) }

// check runs all checks on a kind and returns what they said.
func check(t *testing.T, k nodes.Kind) string {
	r := &recorder{T: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		checkKind(r, &k)
		for i := range k.Examples {
			checkExample(r, &k, &k.Examples[i])
		}
	}()
	<-done
	return strings.Join(r.said, "\n")
}

// orders is how often something came out in an order of its own.
var orders atomic.Int64

// counter counts; its flaw says which rule it breaks.
type counter struct {
	n    int64
	kept []byte
	flaw string
}

func (s *counter) Process(c *nodes.Call, r nodes.Record) error {
	s.n++
	switch s.flaw {
	case "keeps the record":
		if s.n == 1 {
			s.kept = r.Bytes()
			c.Emit(nodes.IntRecord(1))
			return nil
		}
		c.Emit(nodes.IntRecord(int64(len(strings.Trim(string(s.kept), "a")) + int(s.n))))
		return nil
	case "map order":
		c.Emit(nodes.IntRecord(orders.Add(1))) // as a map goes in another order each time
		return nil
	}
	c.Emit(nodes.IntRecord(s.n))
	return nil
}

func (s *counter) AppendSnapshot(b []byte) []byte {
	if s.flaw == "forgets" {
		return b
	}
	return binary.AppendVarint(b, s.n)
}

func (s *counter) AppendDelta(b []byte) []byte {
	if s.flaw == "large delta" {
		b = append(make([]byte, s.n), b...)
		return append(binary.AppendVarint(nil, s.n), b...)
	}
	return s.AppendSnapshot(b)
}

func (s *counter) Restore(b []byte) error {
	s.n = 0
	return s.Apply(b)
}

func (s *counter) Apply(b []byte) error {
	if len(b) > 0 {
		s.n, _ = binary.Varint(b)
	}
	return nil
}

type counterConfig struct {
	Step int `json:"step" doc:"not used" default:"1"`
}

func counterKind(flaw string, change func(*nodes.Spec)) nodes.Kind {
	spec := nodes.Spec{
		Kind: "counter", Category: "flow", Summary: "Counts records", Role: nodes.Ordered,
		In:  []nodes.Port{{Name: "in", Type: recipe.String}},
		Out: []nodes.Port{{Name: "out", Type: recipe.Int}},
		Examples: []nodes.Example{
			{In: []any{"a", "aa", "a", "a"}, Out: []any{1, 2, 3, 4}},
			{Config: "step: 2", In: []any{"a"}, Out: []any{1}},
		},
	}
	if change != nil {
		change(&spec)
	}
	return nodes.Define(spec, func(_ counterConfig, env *nodes.Env) (any, error) {
		if flaw == "opens when checked" {
			if _, err := env.Open("x"); err != nil {
				return nil, err
			}
		}
		return &counter{flaw: flaw}, nil
	})
}

func TestSoundKindPasses(t *testing.T) {
	if said := check(t, counterKind("", nil)); said != "" {
		t.Error(said)
	}
}

func TestFlawsAreFound(t *testing.T) {
	for _, c := range []struct {
		flaw   string
		change func(*nodes.Spec)
		want   string
	}{
		{"forgets", nil, "and crashes: out: record"},
		{"keeps the record", nil, "out: record"},
		{"large delta", nil, "must follow the change"},
		{"map order", nil, "the same run twice gives different bytes"},
		{"opens when checked", nil, "built for a check"},
		{"", func(s *nodes.Spec) { s.Examples[0].Out = []any{1, 2, 3, 5} }, "record 3: got int \"4\", want int \"5\""},
		{"", func(s *nodes.Spec) { s.Examples[0].Out = []any{1, 2, 3} }, "want nothing"},
		{"", func(s *nodes.Spec) { s.Examples[0].Dead = []string{"x"} }, "got dead []"},
		{"", func(s *nodes.Spec) { s.Examples = s.Examples[:1] }, "1 examples, 2 are wanted"},
		{"", func(s *nodes.Spec) { s.Examples[0].Config = "stp: 1" }, "did you mean step?"},
		{"", func(s *nodes.Spec) { s.Examples[0].Wrote = map[string]string{"f": "x"} }, `got f ""`},
		{"", func(s *nodes.Spec) { s.Summary = "counts." }, "starts with a capital"},
		{"", func(s *nodes.Spec) { s.Role = nodes.Sink }, "output ports in its role"},
		{"", func(s *nodes.Spec) { s.Role = nodes.Stateless }, "a stateless kind implements Stateful"},
		{"", func(s *nodes.Spec) { s.AtEnd = true }, "AtEnd is true"},
		{"", func(s *nodes.Spec) { s.Out[0].Type = "T" }, "nothing says the type T"},
		{"", func(s *nodes.Spec) { s.Out[0].Type = recipe.String }, "emitted a record of type int where its port has string"},
	} {
		if said := check(t, counterKind(c.flaw, c.change)); !strings.Contains(said, c.want) {
			t.Errorf("%s: got %q, want %q in it", c.flaw, said, c.want)
		}
	}
}
