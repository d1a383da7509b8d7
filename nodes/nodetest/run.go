package nodetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"go.yaml.in/yaml/v3"

	"sluice/nodes"
	"sluice/recipe"
)

// Case is one run of a kind.
type Case struct {
	Kind        *nodes.Kind
	Config      string // YAML
	Ins         map[string][]nodes.Record
	Types       nodes.PortTypes // of the wired ports; with a Field, as nodes.Env has them
	Field, Into string
	Frame       int // records a frame; 0 means 256
	// Crash makes an ordered kind lose its instance after every frame twice: once before
	// the frame is checkpointed (it is then done again) and once after.
	Crash bool
	Env   nodes.Env // Types are filled in
}

// Result is what a run made.
type Result struct {
	Outs   map[string][]nodes.Record
	Dead   []string // reasons, in order
	Deltas []int    // bytes of the delta of each frame
	State  []byte   // the snapshot at the end
}

// ConfigJSON turns the YAML of settings into JSON, as the compiler does.
func ConfigJSON(config string) (json.RawMessage, error) {
	var v map[string]any
	if err := yaml.Unmarshal([]byte(config), &v); err != nil {
		return nil, err
	}
	if v == nil {
		return json.RawMessage("{}"), nil
	}
	return json.Marshal(v)
}

// Run runs a kind on records, as a worker would on frames of the case's size.
func Run(c Case) (*Result, error) {
	config, err := ConfigJSON(c.Config)
	if err != nil {
		return nil, err
	}
	config, faults := c.Kind.CheckConfig(config)
	if faults != nil {
		return nil, faults[0]
	}
	if c.Frame == 0 {
		c.Frame = recipe.FrameRecords
	}
	c.Env.Types = c.Types
	r := &run{Case: c, config: config, result: &Result{Outs: map[string][]nodes.Record{}}}
	if err := r.start(); err != nil {
		return nil, err
	}
	defer func() { closeNode(r.node) }()
	switch n := r.node.(type) {
	case nodes.Source:
		return r.result, r.readAll(n)
	case nodes.Feed:
		return r.result, r.feed(n)
	case nodes.Processor:
		return r.result, r.process()
	}
	return nil, fmt.Errorf("%s builds a %T, which is no Processor, Source or Feed", c.Kind.Kind, r.node)
}

type run struct {
	Case
	config json.RawMessage
	node   any
	result *Result
	call   *nodes.Call

	snapshot []byte   // the checkpoint: a snapshot,
	deltas   [][]byte // and what was added since
	frames   uint64
}

// start builds an instance.
func (r *run) start() error {
	env := r.Env
	node, err := r.Kind.Build(r.config, &env)
	if err != nil {
		return err
	}
	if r.Field != "" {
		p := node.(nodes.Processor)
		node, err = nodes.Column(p, r.Field, r.Into, r.Types.In[0].Type, r.Types.Out[0].Type)
		if err != nil {
			return err
		}
	}
	outs := r.Types.Out
	if r.Field != "" {
		outs = []recipe.PortType{{Name: "out", Type: recipe.JSON}}
	}
	r.node, r.call = node, nodes.NewCall(outs)
	return nil
}

func closeNode(node any) {
	if c, ok := node.(nodes.Closer); ok {
		c.Close()
	}
}

// process cuts the records of all ports into frames, in turn, as lanes of one split
// arrive.
func (r *run) process() error {
	left := map[string][]nodes.Record{}
	for name, records := range r.Ins {
		left[name] = records
	}
	ended := make([]bool, len(r.Types.In))
	for slices.Contains(ended, false) {
		for port, p := range r.Types.In {
			if ended[port] {
				continue
			}
			n := min(r.Frame, len(left[p.Name]))
			if err := r.frame(port, left[p.Name][:n]); err != nil {
				return err
			}
			if left[p.Name] = left[p.Name][n:]; len(left[p.Name]) > 0 {
				continue
			}
			ended[port] = true
			if f, ok := r.node.(nodes.PortFinisher); ok {
				if err := r.finish(func(c *nodes.Call) error { return f.FinishPort(c, port) }); err != nil {
					return err
				}
			}
		}
	}
	return r.end()
}

func (r *run) end() error {
	if f, ok := r.node.(nodes.Finisher); ok {
		if err := r.finish(f.Finish); err != nil {
			return err
		}
	}
	if s, ok := r.node.(nodes.Stateful); ok {
		r.result.State = s.AppendSnapshot(nil)
	}
	for range r.seals() {
		if s, ok := r.node.(nodes.Sealer); ok {
			if err := s.Seal(context.Background()); err != nil {
				return err
			}
			if r.Crash {
				if err := r.restart(); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// seals is 2 where crashes are tried: a worker may die between the seal and its entry.
func (r *run) seals() int {
	if r.Crash {
		return 2
	}
	return 1
}

func (r *run) finish(f func(*nodes.Call) error) error {
	r.begin()
	if err := f(r.call); err != nil {
		return err
	}
	if err := r.call.Err(); err != nil {
		return err
	}
	r.collect()
	return r.checkpoint()
}

func (r *run) begin() {
	r.frames++
	r.call.Begin(context.Background(), [2]uint64{r.Env.Seed, r.frames})
}

// frame hands one frame to the node; with Crash, to a doomed instance first.
func (r *run) frame(port int, records []nodes.Record) error {
	if r.Crash && r.Kind.Role != nodes.Stateless {
		console := r.Env.Console
		if console != nil {
			r.Env.Console = io.Discard
		}
		if err := r.restart(); err != nil {
			return err
		}
		if _, err := r.deliver(port, records); err != nil {
			return err
		}
		r.Env.Console = console
		r.frames--
		if err := r.restart(); err != nil {
			return err
		}
	}
	dead, err := r.deliver(port, records)
	if err != nil {
		return err
	}
	r.result.Dead = append(r.result.Dead, dead...)
	r.collect()
	return r.checkpoint()
}

// deliver hands the records to the node, and flushes.
func (r *run) deliver(port int, records []nodes.Record) (dead []string, err error) {
	r.begin()
	r.call.Port = port
	p := r.node.(nodes.Processor)
	for _, record := range records {
		mark := r.call.Mark()
		// The record lives in memory that is overwritten afterwards, as in a frame.
		borrowed := record.Clone()
		err := p.Process(r.call, borrowed)
		if err == nil {
			err = r.call.Err()
		}
		overwrite(borrowed.Bytes())
		if err != nil {
			r.call.Rollback(mark)
			if !nodes.IsPermanent(err) {
				return nil, fmt.Errorf("record %q: %w", nodes.AppendText(nil, record), err)
			}
			dead = append(dead, err.Error())
		}
	}
	if f, ok := r.node.(nodes.Flusher); ok {
		if err := f.Flush(context.Background()); err != nil {
			return nil, err
		}
	}
	return dead, nil
}

func overwrite(b []byte) {
	for i := range b {
		b[i] = '!'
	}
}

func (r *run) collect() {
	for i, p := range r.Types.Out {
		out := r.call.Out(i)
		cursor := out.Cursor()
		for record, ok := cursor.Next(); ok; record, ok = cursor.Next() {
			r.result.Outs[p.Name] = append(r.result.Outs[p.Name], record.Clone())
		}
	}
}

// checkpoint keeps the delta of a frame, and now and then a snapshot; with Crash it
// then replaces the instance.
func (r *run) checkpoint() error {
	s, ok := r.node.(nodes.Stateful)
	if !ok {
		return nil
	}
	delta := s.AppendDelta(nil)
	r.result.Deltas = append(r.result.Deltas, len(delta))
	if !r.Crash {
		return nil
	}
	r.deltas = append(r.deltas, delta)
	if err := r.restart(); err != nil {
		return err
	}
	if len(r.deltas)%3 == 0 {
		s := r.node.(nodes.Stateful)
		r.snapshot, r.deltas = s.AppendSnapshot(nil), nil
		return r.restart()
	}
	return nil
}

// restart throws the instance away and restores another one from the checkpoint.
func (r *run) restart() error {
	closeNode(r.node)
	if err := r.start(); err != nil {
		return err
	}
	s, ok := r.node.(nodes.Stateful)
	if !ok {
		return nil
	}
	if err := s.Restore(bytes.Clone(r.snapshot)); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	for _, d := range r.deltas {
		if err := s.Apply(bytes.Clone(d)); err != nil {
			return fmt.Errorf("apply: %w", err)
		}
	}
	return nil
}
