package protocol

import (
	"bytes"
	"reflect"
	"testing"

	"sluice/recipe"
)

// samples are entries with every field in use.
func samples() []*Entry {
	parts := recipe.Parts("").Append(3, false).Append(0, true)
	return []*Entry{
		{Counts: [][]uint32{}},
		{Step: 7, Version: 3, Ord: recipe.Ordinal{Split: 2, N: 1 << 40, Lane: 5, Path: parts.Path()}, Parts: parts, EndSplit: true, EndSource: true,
			Verdict: Skipped, In: 256, Dead: 1, Discard: 2, Counts: [][]uint32{{1, 2, 3}, {0}}, Lost: 5, Start: 1 << 50, End: 1<<50 + 9,
			Full: true, Done: true, By: "worker-1", Kept: []byte{0, 255}},
	}
}

func TestEntryRoundTrip(t *testing.T) {
	for _, e := range samples() {
		b := e.Append([]byte("x"))
		got, err := DecodeEntry(b[1:])
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, e) {
			t.Errorf("got %+v\nwant %+v", got, e)
		}
		for i := range b[1:] {
			if _, err := DecodeEntry(b[1 : 1+i]); err == nil {
				t.Errorf("the first %d bytes of %d were taken for an entry", i, len(b)-1)
			}
		}
	}
}

func FuzzDecodeEntry(f *testing.F) {
	for _, e := range samples() {
		f.Add(e.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := DecodeEntry(b)
		if err != nil {
			return
		}
		again, err := DecodeEntry(e.Append(nil))
		if err != nil || !reflect.DeepEqual(again, e) {
			t.Fatalf("got %+v, %v\nwant %+v", again, err, e)
		}
		e.Parts.Next()
		e.Parts.Path()
	})
}

func FuzzDecodeCursors(f *testing.F) {
	f.Add(Cursors{}.Append(nil))
	f.Add(Cursors{{Split: 1, N: 300, Path: "\x00\x01"}, {Split: 2, Done: true}}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		cs, rest, err := DecodeCursors(b)
		if err != nil {
			return
		}
		enc := cs.Append(nil)
		again, left, err := DecodeCursors(append(enc, rest...))
		if err != nil || !reflect.DeepEqual(again, cs) || !bytes.Equal(left, rest) {
			t.Fatalf("got %+v, %v\nwant %+v", again, err, cs)
		}
	})
}

func TestCursorFollowsParts(t *testing.T) {
	c := Cursor{}
	first := recipe.Parts("").Append(0, false)
	frames := []struct {
		parts     recipe.Parts
		split     bool
		source    bool
		ord       recipe.Ordinal
		wantAfter Cursor
	}{
		{first.Append(0, false), false, false, recipe.Ordinal{}, Cursor{Path: "\x00\x00\x00\x01"}},
		{first.Append(1, true), false, false, recipe.Ordinal{Path: "\x00\x00\x00\x01"}, Cursor{Path: "\x00\x01"}},
		{recipe.Parts("").Append(1, true), false, false, recipe.Ordinal{Path: "\x00\x01"}, Cursor{N: 1}},
		{"", true, false, recipe.Ordinal{N: 1}, Cursor{Split: 1}},
		{"", true, true, recipe.Ordinal{Split: 1}, Cursor{Split: 2, Done: true}},
	}
	for i, f := range frames {
		if !c.At(f.ord) || c.Passed(f.ord) {
			t.Fatalf("frame %d: %+v is not at %s", i, c, f.ord)
		}
		c = c.Next(f.parts, f.split, f.source)
		if c != f.wantAfter || !c.Passed(f.ord) || c.At(f.ord) {
			t.Fatalf("frame %d: got %+v, want %+v", i, c, f.wantAfter)
		}
	}
}

func TestPickOrdersLanes(t *testing.T) {
	tests := []struct {
		cs   Cursors
		want int
		more bool
	}{
		{Cursors{{N: 2}, {N: 1}}, 1, true},
		{Cursors{{N: 1, Path: "\x00\x05"}, {N: 1}}, 0, true},
		{Cursors{{Split: 1}, {N: 9}}, 1, true},
		{Cursors{{Done: true}, {Split: 3}}, 1, true},
		{Cursors{{Done: true}}, -1, false},
	}
	for _, test := range tests {
		if got, more := test.cs.Pick(); got != test.want || more != test.more {
			t.Errorf("%+v: got %d %v, want %d %v", test.cs, got, more, test.want, test.more)
		}
	}
}

func TestWindowHalvesAndGrows(t *testing.T) {
	w := NewWindow(8, 0)
	for _, look := range []struct{ full, all, want int }{{1, 2, 4}, {2, 2, 2}, {3, 4, 1}, {1, 1, 1}, {0, 2, 2}, {1, 3, 3}, {0, 0, 4}} {
		if w.Observe(look.full, look.all); w.Size() != look.want {
			t.Errorf("%d of %d full: got %d, want %d", look.full, look.all, w.Size(), look.want)
		}
	}
}
