package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"regexp"

	"sluice/internal/bus"
	"sluice/nodes"
	"sluice/nodes/all"
	"sluice/recipe"
)

// The reference recipe's patterns.
const (
	matchPattern   = `.*Failed password.*`
	replacePattern = `.* from (\S+) port.*`
	replacement    = `$1`
)

// plain does the reference recipe's work as a Go programmer would write it: one
// goroutine, bufio, package regexp.
func plain(t *task) (any, error) {
	match, address := regexp.MustCompile(matchPattern), regexp.MustCompile(replacePattern)
	in, err := os.Open(t.In)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	out, err := os.Create(t.Out)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	w := bufio.NewWriterSize(out, 64<<10)
	lines := bufio.NewScanner(in)
	digest := make([]byte, 0, 2*sha256.Size+1)
	for lines.Scan() {
		line := lines.Bytes()
		if !match.Match(line) {
			continue
		}
		sum := sha256.Sum256(address.ReplaceAll(line, []byte(replacement)))
		digest = append(hex.AppendEncode(digest[:0], sum[:]), '\n')
		if _, err := w.Write(digest); err != nil {
			return nil, err
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return nil, w.Flush()
}

// nodeChain is the three nodes of the reference recipe, called one after the other.
type nodeChain struct {
	procs []nodes.Processor
	calls []*nodes.Call
}

func newNodeChain() (*nodeChain, error) {
	c := &nodeChain{}
	port := []recipe.PortType{{Name: "value", Type: recipe.String}}
	env := &nodes.Env{Types: nodes.PortTypes{In: port, Out: port}}
	for _, n := range []struct{ kind, config string }{
		{"regex_match", `{"regex": ".*Failed password.*"}`},
		{"regex_replace", `{"regex": ".* from (\\S+) port.*", "replacement": "$1"}`},
		{"sha256_hash", `{}`},
	} {
		kind, _ := all.Catalogue().Lookup(n.kind)
		node, err := kind.Build([]byte(n.config), env)
		if err != nil {
			return nil, err
		}
		c.procs = append(c.procs, node.(nodes.Processor))
		c.calls = append(c.calls, nodes.NewCall(port))
	}
	return c, nil
}

// run passes the records of a batch through the nodes and returns what each made.
func (c *nodeChain) run(b *nodes.Batch) ([]*nodes.Batch, error) {
	var made []*nodes.Batch
	for i, p := range c.procs {
		c.calls[i].Begin(context.Background(), [2]uint64{})
		cur := b.Cursor()
		for r, ok := cur.Next(); ok; r, ok = cur.Next() {
			if err := p.Process(c.calls[i], r); err != nil {
				return nil, err
			}
		}
		b = c.calls[i].Out(0)
		made = append(made, b)
	}
	return made, nil
}

// batches reads lines in batches as large as a frame.
func batches(path string, do func(*nodes.Batch) error) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	b := nodes.Batch{Type: recipe.String}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		b.Append(nodes.StringRecord(lines.Bytes()))
		if b.Len() == recipe.FrameRecords || len(b.Encoded()) >= recipe.FrameBytes {
			if err := do(&b); err != nil {
				return err
			}
			b.Reset()
		}
	}
	if err := lines.Err(); err != nil || b.Len() == 0 {
		return err
	}
	return do(&b)
}

// plainNodes does the reference recipe's work by the product's nodes, without an engine.
func plainNodes(t *task) (any, error) {
	chain, err := newNodeChain()
	if err != nil {
		return nil, err
	}
	out, err := os.Create(t.Out)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	w := bufio.NewWriterSize(out, 64<<10)
	err = batches(t.In, func(b *nodes.Batch) error {
		made, err := chain.run(b)
		if err != nil {
			return err
		}
		cur := made[len(made)-1].Cursor()
		for r, ok := cur.Next(); ok; r, ok = cur.Next() {
			_, _ = w.Write(r.Bytes())
			_ = w.WriteByte('\n') // an error stays with the writer
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return nil, w.Flush()
}

// frameSizes says what frames the reference recipe makes of a file: how many, and how
// large they are on each edge, as records and as messages.
type frameSizes struct {
	Frames int
	Plain  []int // bytes of the records
	Stored []int // bytes of the frame as it is stored
}

func frames(t *task) (any, error) {
	chain, err := newNodeChain()
	if err != nil {
		return nil, err
	}
	s := frameSizes{Plain: make([]int, 4), Stored: make([]int, 4)}
	err = batches(t.In, func(b *nodes.Batch) error {
		made, err := chain.run(b)
		if err != nil {
			return err
		}
		for i, e := range append([]*nodes.Batch{b}, made...) {
			s.Plain[i] += len(e.Encoded())
			s.Stored[i] += len(bus.AppendFrame(nil, &bus.Header{Type: recipe.String, Records: e.Len()}, e.Encoded()))
		}
		s.Frames++
		return nil
	})
	for i := range s.Plain {
		s.Plain[i] /= max(1, s.Frames)
		s.Stored[i] /= max(1, s.Frames)
	}
	return s, err
}
