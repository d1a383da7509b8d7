package worker

import (
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"slices"

	"sluice/internal/bus"
	"sluice/nodes"
	"sluice/recipe"
)

// output is the file of an ordered sink as an artifact of its job.
//
// Its bytes go into chunks that are named for the step and the reign; a chunk is put when it is
// full, and before the checkpoint that covers it. The rest, less than a chunk, is part of the
// checkpoint, as are the digest so far and which reign wrote which chunks. So a new reign goes on
// exactly where the checkpoint is, in chunks of its own, and whatever an old one still puts is
// named by nobody. In memory there is one chunk.
type output struct {
	job  *jobRun
	step *recipe.Step
	path string
	mine string // what this reign's chunks are called

	outputState
	sum   hash.Hash // over the chunks that are full
	skip  int       // bytes of the append in hand that are taken already
	whole bool      // the next state can't be a change: a chunk was put
	told  int       // bytes of tail that the last state had
}

// outputState is what checkpoints hold, as their header; the tail follows.
type outputState struct {
	Chunks int            `json:"chunks"` // that are full, and stored
	Parts  []bus.FilePart `json:"parts,omitempty"`
	Sum    []byte         `json:"sum,omitempty"`
	tail   []byte
}

// The first byte of a state. Those of sinks that write into a folder are even.
const (
	outputWhole  = 1
	outputChange = 3
)

// newOutput returns the output of a sink's reign; nil where it writes into a folder.
func (r *jobRun) newOutput(step *recipe.Step, epoch uint64) *output {
	if !step.Sink || r.w.cfg.Root != nil || !r.w.cfg.Artifacts {
		return nil
	}
	path := r.mask.hide(r.exclusivePath(step))
	if path == "" { // it writes no file
		return nil
	}
	return r.outputOf(step, path, epoch)
}

func (r *jobRun) outputOf(step *recipe.Step, path string, epoch uint64) *output {
	return &output{job: r, step: step, path: path, mine: bus.MadeChunks(r.names.Job, step.ID, epoch), sum: sha256.New()}
}

// Append implements nodes.Output.
func (o *output) Append(ctx context.Context, b []byte) error {
	if o.Chunks >= recipe.MaxFile/bus.FileChunk {
		return nodes.Permanentf("%s has more than %d bytes, which a file may have", o.path, recipe.MaxFile)
	}
	b = b[o.skip:]
	for {
		if len(o.tail) == bus.FileChunk {
			if err := o.put(ctx); err != nil {
				return err
			}
		}
		if len(b) == 0 {
			o.skip = 0
			return nil
		}
		n := min(len(b), bus.FileChunk-len(o.tail))
		o.tail = append(o.tail, b[:n]...)
		o.skip, b = o.skip+n, b[n:]
	}
}

// put stores the tail, which is full.
func (o *output) put(ctx context.Context) error {
	if err := o.job.conn.Files().PutChunk(ctx, o.mine, o.Chunks, o.tail); err != nil {
		return o.fault("write", err)
	}
	o.sum.Write(o.tail)
	o.Parts = o.with(o.Parts)
	o.Chunks, o.tail, o.whole = o.Chunks+1, o.tail[:0], true
	return nil
}

// with returns parts in which the next chunk is this reign's.
func (o *output) with(parts []bus.FilePart) []bus.FilePart {
	if n := len(parts); n > 0 && parts[n-1].Chunks == o.mine {
		return parts
	}
	return append(slices.Clone(parts), bus.FilePart{Chunks: o.mine, From: o.Chunks})
}

// AppendState implements nodes.Output.
func (o *output) AppendState(b []byte, whole bool) []byte {
	tail := o.tail
	if !whole && !o.whole {
		b, tail = append(b, outputChange), tail[o.told:]
	} else {
		o.Sum, _ = o.sum.(encoding.BinaryMarshaler).MarshalBinary() // of SHA-256 it never fails
		head, _ := json.Marshal(o.outputState)                      // nor does that of plain data
		b = binary.AppendUvarint(append(b, outputWhole), uint64(len(head)))
		b = append(b, head...)
		o.whole = false
	}
	o.told = len(o.tail)
	return append(b, tail...)
}

// Restore implements nodes.Output.
func (o *output) Restore(state []byte) error {
	o.skip = 0
	if len(state) == 0 {
		o.outputState, o.told, o.whole = outputState{}, 0, false
		o.sum.Reset()
		return nil
	}
	kind, rest := state[0], state[1:]
	switch kind {
	case outputWhole:
		size, n := binary.Uvarint(rest)
		if n <= 0 || size > uint64(len(rest)-n) {
			return o.malformed()
		}
		head := outputState{tail: o.tail[:0]}
		if err := json.Unmarshal(rest[n:n+int(size)], &head); err != nil || head.Chunks < 0 {
			return o.malformed()
		}
		if err := o.sum.(encoding.BinaryUnmarshaler).UnmarshalBinary(head.Sum); err != nil {
			return o.malformed()
		}
		o.outputState, rest = head, rest[n+int(size):]
	case outputChange:
	default:
		return nodes.Permanentf("%s was begun by a worker that writes it into a folder: all workers of a pool must have the same --root, or none", o.path)
	}
	if len(o.tail)+len(rest) > bus.FileChunk {
		return o.malformed()
	}
	o.tail = append(o.tail, rest...)
	o.told, o.whole = len(o.tail), false
	return nil
}

func (o *output) malformed() error {
	return nodes.Permanentf("what the checkpoint of node %s says of its file is malformed", o.step.Node)
}

// Seal implements nodes.Output: it puts the last chunk, and says once that the file is made.
func (o *output) Seal(ctx context.Context) error {
	files := o.job.conn.Files()
	m := &bus.Manifest{Size: int64(o.Chunks)*bus.FileChunk + int64(len(o.tail)), Parts: o.Parts, Step: o.step.ID, Node: o.step.Node, Path: o.path}
	sum, err := o.sumWith(o.tail)
	if err != nil {
		return err
	}
	if m.SHA256 = sum; len(o.tail) > 0 {
		if err := files.PutChunk(ctx, o.mine, o.Chunks, o.tail); err != nil {
			return o.fault("write", err)
		}
		m.Parts = o.with(o.Parts)
	}
	err = files.PutMade(ctx, o.job.names.Job, m)
	if errors.Is(err, bus.ErrExists) {
		return nodes.Permanentf("%w", err)
	}
	if err != nil {
		return o.fault("finish", err)
	}
	return nil
}

// sumWith returns the digest of all, in hex, and leaves the running one as it is.
func (o *output) sumWith(tail []byte) (string, error) {
	state, err := o.sum.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		return "", err
	}
	all := sha256.New()
	if err := all.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
		return "", err
	}
	all.Write(tail)
	return hex.EncodeToString(all.Sum(nil)), nil
}

// fault names the file in an error, and says in plain words when there is no room for it.
func (o *output) fault(what string, err error) error {
	if errors.Is(err, bus.ErrStore) {
		return fmt.Errorf("%s %s: %w: %w", what, o.path, nodes.ErrNoRoom, err)
	}
	return fmt.Errorf("%s %s: %w", what, o.path, err)
}
