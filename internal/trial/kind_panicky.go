package trial

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"

	"sluice/nodes"
	"sluice/recipe"
)

type panickyConfig struct {
	At string `json:"at" doc:"the call that panics"`
}

// at panics in the call that the settings name.
func (c panickyConfig) at(call string) {
	if c.At == call {
		panic("at " + call + ", as it was told")
	}
}

// newPanicky makes constructors that panic where the settings say build, but not while a
// recipe is checked.
func newPanicky(made func(panickyConfig) any) func(panickyConfig, *nodes.Env) (any, error) {
	return func(c panickyConfig, env *nodes.Env) (any, error) {
		if env.Root == nil {
			c.At = ""
		}
		c.at("build")
		return made(c), nil
	}
}

var panickySourceKind = nodes.Define(nodes.Spec{
	Kind: "panicky_source", Category: "source", Summary: "Makes ten numbers, and panics", Role: nodes.Origin,
	Out: []nodes.Port{{Name: "out", Type: recipe.Int, Doc: "numbers"}}, Guarantee: "Reads the same again.",
}, newPanicky(func(c panickyConfig) any { return &panickySource{panickyConfig: c} }))

type panickySource struct {
	panickyConfig
	offset int64
}

// Splits implements nodes.Source.
func (p *panickySource) Splits(context.Context) ([]nodes.Split, error) {
	p.at("splits")
	return []nodes.Split{nodes.Split("0")}, nil
}

// Size implements nodes.Sized.
func (p *panickySource) Size(nodes.Split) int64 { p.at("size"); return 10 }

// Open implements nodes.Source.
func (p *panickySource) Open(_ context.Context, _ nodes.Split, offset int64) (nodes.Reader, error) {
	p.at("open")
	return &panickySource{p.panickyConfig, offset}, nil
}

// Read implements nodes.Reader.
func (p *panickySource) Read(c *nodes.Call) error {
	p.at("read")
	if p.offset == 10 {
		return io.EOF
	}
	c.Emit(nodes.IntRecord(p.offset))
	p.offset++
	return nil
}

// Offset implements nodes.Reader.
func (p *panickySource) Offset() int64 { p.at("offset"); return p.offset }

// Close implements nodes.Reader.
func (p *panickySource) Close() error { p.at("close"); return nil }

var panickyFeedKind = nodes.Define(nodes.Spec{
	Kind: "panicky_feed", Category: "source", Summary: "Feeds a number, loses one, and panics", Role: nodes.Origin,
	Out: []nodes.Port{{Name: "out", Type: recipe.Int, Doc: "the number"}}, Guarantee: "None.",
}, newPanicky(func(c panickyConfig) any { return panickyFeed{c} }))

type panickyFeed struct{ panickyConfig }

// Feed implements nodes.Feed.
func (p panickyFeed) Feed(_ context.Context, _ int64, emit func(nodes.Record) error, lose func(error) error) error {
	p.at("feed")
	if err := emit(nodes.IntRecord(0)); err != nil {
		return err
	}
	return lose(errors.New("lost, as it was told"))
}

var panickyKind = nodes.Define(nodes.Spec{
	Kind: "panicky", Category: "flow", Summary: "Passes records in their order, and panics", Role: nodes.Ordered,
	In:  []nodes.Port{{Name: "in", Type: recipe.Int, Doc: "numbers"}},
	Out: []nodes.Port{{Name: "out", Type: recipe.Int, Doc: "the same"}},
}, newPanicky(func(c panickyConfig) any { return &panicky{panickyConfig: c} }))

type panicky struct {
	panickyConfig
	count int
}

// Process implements nodes.Processor.
func (p *panicky) Process(c *nodes.Call, r nodes.Record) error {
	c.Emit(r)
	p.count++
	return nil
}

// AppendDelta implements nodes.Stateful.
func (p *panicky) AppendDelta(b []byte) []byte {
	p.at("delta")
	b = strconv.AppendInt(b, int64(p.count), 10)
	if p.At == "snapshot" { // so large a change that a snapshot is the next to be written
		b = append(b, slices.Repeat([]byte(" "), 300<<10)...)
	}
	return b
}

// AppendSnapshot implements nodes.Stateful.
func (p *panicky) AppendSnapshot(b []byte) []byte {
	p.at("snapshot")
	return strconv.AppendInt(b, int64(p.count), 10)
}

// Restore implements nodes.Stateful.
func (p *panicky) Restore(state []byte) error {
	p.at("restore")
	if len(state) == 0 {
		return nil
	}
	return json.Unmarshal(state, &p.count)
}

// Apply implements nodes.Stateful.
func (p *panicky) Apply(delta []byte) error { p.at("apply"); return json.Unmarshal(delta, &p.count) }

// Full implements nodes.Full.
func (p *panicky) Full() bool { p.at("full"); return false }

// Finish implements nodes.Finisher.
func (p *panicky) Finish(*nodes.Call) error { p.at("finish"); return nil }

// Close implements nodes.Closer.
func (p *panicky) Close() error { p.at("close"); return nil }
