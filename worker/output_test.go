package worker

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/nodes"
	"sluice/recipe"
)

// reigns is a sink's file over several reigns.
type reigns struct {
	t      *rapid.T
	run    *jobRun
	step   *recipe.Step
	epoch  uint64
	out    *output
	old    []*output // of reigns that are over and do not know it
	chain  [][]byte  // of states
	stored int       // bytes that the chain covers
	want   []byte
}

// begin restores a new reign's output from the chain.
func (r *reigns) begin() {
	if r.out != nil {
		r.old = append(r.old, r.out)
	}
	r.epoch++
	r.out = r.run.outputOf(r.step, "out", r.epoch)
	if err := r.out.Restore(nil); err != nil {
		r.t.Fatal(err)
	}
	for _, state := range r.chain {
		if err := r.out.Restore(bytes.Clone(state)); err != nil {
			r.t.Fatal(err)
		}
	}
	r.want = r.want[:r.stored]
}

// append adds bytes that no other reign would.
func (r *reigns) append(o *output) []byte {
	b := bytes.Repeat([]byte{byte(rapid.IntRange(0, 255).Draw(r.t, "byte"))}, rapid.SampledFrom([]int{0, 10, bus.FileChunk / 2, bus.FileChunk - 10, bus.FileChunk, 2*bus.FileChunk + 1}).Draw(r.t, "bytes"))
	if rapid.Bool().Draw(r.t, "cut") {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		if o.Append(ended, b) == nil {
			return b
		}
		b = append(b, "more"...)
	}
	if err := o.Append(context.Background(), b); err != nil {
		r.t.Fatal(err)
	}
	return b
}

func (r *reigns) capture() {
	whole := rapid.Bool().Draw(r.t, "whole")
	state := r.out.AppendState(nil, whole)
	if whole {
		r.chain = nil
	}
	r.chain = append(r.chain, state)
	r.stored = len(r.want)
}

// TestOutputOverReigns ends reigns at any place; those that are over go on writing, other bytes
// in other chunks. The file is what the checkpoints say.
func TestOutputOverReigns(t *testing.T) {
	conn := bustest.Conn(t, bustest.InProcess)
	ctx := bustest.Context(t)
	if err := conn.Files().Ensure(ctx, 1, 0); err != nil {
		t.Fatal(err)
	}
	w, err := New(Config{Conn: conn, Catalogue: &nodes.Catalogue{}, Name: "w"})
	if err != nil {
		t.Fatal(err)
	}
	jobs := 0
	rapid.Check(t, func(rt *rapid.T) {
		jobs++
		id := recipe.JobID(fmt.Sprint("j", jobs))
		r := &reigns{t: rt, run: newJobRun(w, bus.JobRecord{Job: id, Plan: &recipe.Plan{}}), step: &recipe.Step{ID: 3, Node: "n"}}
		r.begin()
		for range rapid.IntRange(0, 12).Draw(rt, "steps") {
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0, 1, 2:
				r.want = append(r.want, r.append(r.out)...)
			case 3:
				r.capture()
			case 4:
				r.begin()
			case 5:
				if len(r.old) > 0 {
					r.append(r.old[len(r.old)-1])
				}
			}
		}
		r.capture()
		for range rapid.IntRange(1, 3).Draw(rt, "seals") {
			if err := r.out.Seal(ctx); err != nil {
				rt.Fatal(err)
			}
			r.begin()
		}
		made, err := conn.Files().Made(ctx, id)
		if err != nil || len(made) != 1 || made[0].Size != int64(len(r.want)) || made[0].Node != "n" || made[0].Path != "out" {
			rt.Fatalf("got %+v, %v, want %d bytes", made, err, len(r.want))
		}
		got, err := io.ReadAll(conn.Files().OpenManifest(ctx, made[0], "out"))
		if err != nil || !bytes.Equal(got, r.want) {
			rt.Fatalf("got %d bytes, %v, want %d", len(got), err, len(r.want))
		}
		if sum := sha256.Sum256(r.want); hex.EncodeToString(sum[:]) != made[0].SHA256 {
			rt.Fatalf("got digest %s, want %x", made[0].SHA256, sum)
		}
	})
}

// TestOutputRefuses a state of a folder's file, and what is malformed.
func TestOutputRefuses(t *testing.T) {
	o := (&jobRun{}).outputOf(&recipe.Step{Node: "n"}, "out", 1)
	for state, says := range map[string]string{"\x10": "--root", "\x01": "malformed", "\x01\x02{}": "malformed", "\x01\x7f{": "malformed",
		"\x03" + strings.Repeat("x", bus.FileChunk+1): "malformed"} {
		if err := o.Restore([]byte(state)); !nodes.IsPermanent(err) || !strings.Contains(err.Error(), says) {
			t.Errorf("%.10q: got %v, want one that says %s", state, err, says)
		}
	}
}

// TestOutputIsBounded refuses what makes a file too large.
func TestOutputIsBounded(t *testing.T) {
	o := (&jobRun{}).outputOf(&recipe.Step{Node: "n"}, "out", 1)
	o.Chunks = recipe.MaxFile / bus.FileChunk
	if err := o.Append(context.Background(), []byte("x")); !nodes.IsPermanent(err) {
		t.Errorf("got %v", err)
	}
}
