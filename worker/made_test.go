package worker

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/internal/protocol"
	"sluice/nodes"
	"sluice/recipe"
)

// TestCut divides what was made of a frame: the parts are what was made, in its order, no
// more of them than there may be, and each is as small as that allows.
func TestCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := cutter{run: &jobRun{plan: &recipe.Plan{Frame: recipe.FrameLimits{Records: recipe.FrameRecords, Bytes: recipe.FrameBytes}}}}
		c.expands = rapid.Bool().Draw(t, "expands")
		b := nodes.Batch{Type: recipe.String}
		for range rapid.IntRange(1, 4).Draw(t, "runs") {
			size := rapid.SampledFrom([]int{0, 1, 100, 17 << 10, 33 << 10, 300 << 10, 600 << 10}).Draw(t, "size")
			record := nodes.StringRecord(bytes.Repeat([]byte("x"), size))
			for range rapid.IntRange(0, min(recipe.MaxMade, recipe.MaxOutput/(size+1))/4).Draw(t, "count") {
				b.Append(record)
			}
		}
		records, size := recipe.FrameRecords, recipe.FrameBytes
		if !c.expands {
			records, size = recipe.PartRecords, recipe.InlineBytes
		}
		if b.Len() > 100_000 {
			records = recipe.PartRecords
		}
		if len(b.Encoded()) > 8_000_000 { // over 499 frames, each two of which may be little more than one
			size = recipe.InlineBytes
		}
		parts := c.cut(&b)
		if len(parts) > recipe.MaxParts {
			t.Fatalf("got %d parts of %d records and %d bytes", len(parts), b.Len(), len(b.Encoded()))
		}
		var all []byte
		n := 0
		for _, p := range parts {
			all, n = append(all, p.buf...), n+p.n
			if p.n > records || p.n > 1 && len(p.buf) > size {
				t.Fatalf("got a part of %d records and %d bytes, of %d and %d", p.n, len(p.buf), b.Len(), len(b.Encoded()))
			}
		}
		if n != b.Len() || !bytes.Equal(all, b.Encoded()) {
			t.Fatalf("the parts are not what was cut: %d records of %d", n, b.Len())
		}
	})
}

// TestMostRecords is the bound on what a node makes of one frame.
func TestMostRecords(t *testing.T) {
	call := nodes.NewCall([]recipe.PortType{{Name: "out", Type: recipe.String}})
	call.Begin(t.Context(), [2]uint64{})
	for range recipe.MaxMade {
		call.Emit(nodes.StringRecord(nil))
	}
	if err := call.Err(); err != nil {
		t.Fatal(err)
	}
	mark := call.Mark()
	if call.Emit(nodes.StringRecord(nil)); call.Err() == nil {
		t.Error("one record more was taken")
	}
	if call.Rollback(mark); call.Err() != nil || call.Out(0).Len() != recipe.MaxMade {
		t.Errorf("got %v and %d records behind the rollback", call.Err(), call.Out(0).Len())
	}
}

// TestDiffersSaysWhyItMay: of a source it is most often the input that was changed.
func TestDiffersSaysWhyItMay(t *testing.T) {
	for role, want := range map[recipe.Role]string{recipe.RoleSource: "its input may have been changed since this job began", recipe.RoleRelay: "must follow from the plan"} {
		o := outbox{step: &recipe.Step{Node: "l", Role: role}}
		err := o.differs(&protocol.Action{Entry: &protocol.Entry{Dead: 1}, Follow: &protocol.Entry{Dead: 2}})
		if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "node l made 0 records and 1 dead letters of frame") {
			t.Errorf("%s: got %v, want %q", role, err, want)
		}
	}
}
