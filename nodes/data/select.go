package data

import (
	"context"
	"errors"
	"strings"

	"github.com/itchyny/gojq"

	"sluice/nodes"
	"sluice/recipe"
)

// Select runs jq queries.
var Select = nodes.Define(nodes.Spec{
	Kind:     "select",
	Category: "data",
	Summary:  "Runs a jq query on a JSON value and emits each of its results",
	Doc: "The language is that of jq, by gojq. No result drops the record, several make several records. Integers are exact at any size; the keys of an object " +
		"come in the order of their names, but the query `.` passes the record as it is. An error of the query makes the record a dead letter, and so does a query that takes more than ten million " +
		"steps or makes more than 128 MiB on the way. Every `+`, `*`, `add`, `join` and `tojson` counts all that it gives, a list 16 bytes an element: make a long list by `[range(6000)]` and not " +
		"by adding to it element by element. Functions that look at the clock, the time zone or other inputs are refused.",
	In:      []nodes.Port{{Name: "in", Type: recipe.JSON}},
	Out:     []nodes.Port{{Name: "out", Type: recipe.JSON}},
	Expands: true,
	Examples: []nodes.Example{
		{
			Config: "query: .user.name",
			In:     []any{nodes.JSON(`{"user":{"name":"bob"}}`), nodes.JSON(`{}`)},
			Out:    []any{nodes.JSON(`"bob"`), nodes.JSON(`null`)},
		},
		{
			Doc:    "several results, or none",
			Config: "query: '.items[] | select(.n > 1) | {n, id: .id}'",
			In:     []any{nodes.JSON(`{"items":[{"n":1},{"n":2,"id":9007199254740993},{"n":3,"id":123456789012345678901}]}`), nodes.JSON(`{"items":[]}`)},
			Out:    []any{nodes.JSON(`{"id":9007199254740993,"n":2}`), nodes.JSON(`{"id":123456789012345678901,"n":3}`)},
		},
		{Doc: "the record as it is", Config: "query: .", In: []any{nodes.JSON(`{"b":1.0,"a":[]}`)}, Out: []any{nodes.JSON(`{"b":1.0,"a":[]}`)}},
		{
			Doc:    "an error is a dead letter, and what came before it is taken back",
			Config: "query: '.[] | . + 1'",
			In:     []any{nodes.JSON(`[1,"a"]`), nodes.JSON(`[1]`)},
			Out:    []any{nodes.JSON(`2`)},
			Dead:   []string{"cannot add"},
		},
	},
}, newSelect)

type selectConfig struct {
	Query string `json:"query" doc:"jq query" format:"jq" min:"1" max:"65536"`
}

type jqSelect struct {
	same   bool // the query is the record itself
	code   *gojq.Code
	budget *budget
	from   decoder
	to     encoder
}

func newSelect(cfg selectConfig, _ *nodes.Env) (any, error) {
	b := &budget{}
	code, err := compileQuery(cfg.Query, b)
	if err != nil {
		return nil, err
	}
	return &jqSelect{same: strings.TrimSpace(cfg.Query) == ".", code: code, budget: b, to: encoder{jqFloats: true}}, nil
}

// Process implements nodes.Processor.
func (s *jqSelect) Process(c *nodes.Call, r nodes.Record) error {
	value, err := s.from.decode(r.Bytes())
	if err != nil {
		return err
	}
	if s.same { // the keys keep their order
		c.Emit(r)
		return nil
	}
	s.budget.begin(c.Context())
	results := s.code.RunWithContext(s.budget, value)
	for {
		v, ok := results.Next()
		if !ok {
			return c.Err()
		}
		if err, failed := v.(error); failed {
			var halt *gojq.HaltError
			if errors.As(err, &halt) && halt.Value() == nil {
				return c.Err()
			}
			if stop := c.Context().Err(); stop != nil && errors.Is(err, stop) {
				return err // the frame may be tried again
			}
			return nodes.Permanentf("the query: %w", err)
		}
		text, err := s.to.encode(v)
		if err != nil {
			return err
		}
		c.Emit(nodes.JSONRecord(text))
		if c.Err() != nil {
			return c.Err()
		}
	}
}

// Bounds of one query on one record.
const (
	maxSteps = 10_000_000
	maxMade  = 128 << 20 // bytes of strings, and elements times 16
)

// budget is the context of a query that ends it after so many steps: gojq asks Done
// before each. A bound in time would give other answers on another day.
type budget struct {
	context.Context
	steps, made int
	over        error
}

var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

func (b *budget) begin(ctx context.Context) { *b = budget{Context: ctx} }

// Done implements context.Context.
func (b *budget) Done() <-chan struct{} {
	if b.steps++; b.steps > maxSteps {
		b.over = errors.New("it took more than ten million steps")
		return closed
	}
	if b.steps%1024 == 0 {
		return b.Context.Done()
	}
	return nil
}

// Err implements context.Context.
func (b *budget) Err() error {
	if b.over != nil {
		return b.over
	}
	return b.Context.Err()
}

// spend counts what an operation made.
func (b *budget) spend(n int) error {
	if b.made += n; b.made > maxMade || n < 0 {
		return errors.New("it makes more than 128 MiB on the way")
	}
	return nil
}
