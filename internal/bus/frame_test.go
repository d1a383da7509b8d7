package bus

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sluice/recipe"
)

func genHeader(t *rapid.T) Header {
	types := []recipe.Type{"", recipe.String, recipe.Int, recipe.JSON, recipe.List(recipe.String), recipe.List(recipe.List(recipe.Int))}
	h := Header{
		Type:      rapid.SampledFrom(types).Draw(t, "type"),
		Split:     rapid.Uint32().Draw(t, "split"),
		N:         rapid.Uint64().Draw(t, "n"),
		Lane:      rapid.Uint16().Draw(t, "lane"),
		EndSplit:  rapid.Bool().Draw(t, "end_split"),
		EndSource: rapid.Bool().Draw(t, "end_source"),
		Ref:       rapid.Bool().Draw(t, "ref"),
		Records:   rapid.IntRange(0, 1<<30).Draw(t, "records"),
		Cut:       rapid.Int64().Draw(t, "cut"),
	}
	for range rapid.IntRange(0, 3).Draw(t, "levels") {
		h.Parts = h.Parts.Append(rapid.IntRange(0, recipe.MaxParts-1).Draw(t, "part"), rapid.Bool().Draw(t, "last"))
	}
	return h
}

func genPayload(t *rapid.T) []byte {
	if rapid.Bool().Draw(t, "repetitive") {
		return bytes.Repeat([]byte("sshd[22]: Failed password for root\n"), rapid.IntRange(1, 60).Draw(t, "lines"))
	}
	return rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "payload")
}

func TestFrameRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, payload := genHeader(t), genPayload(t)
		before := []byte("before")
		b := AppendFrame(slices.Clone(before), &h, payload)
		if !bytes.HasPrefix(b, before) {
			t.Fatalf("got a changed prefix")
		}
		got, p, err := DecodeFrame(b[len(before):])
		if err != nil || got != h || !bytes.Equal(p, payload) {
			t.Fatalf("got %+v, %q, %v, want %+v, %q", got, p, err, h, payload)
		}
	})
}

// Every bit counts: a flip in the header is ErrHeader, one in the payload ErrPayload.
func TestFrameRefusesEveryFlippedBit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, payload := genHeader(t), genPayload(t)
		b := AppendFrame(nil, &h, payload)
		size := fixedHeader + len(h.Type) + len(h.Parts)
		for bit := range 8 * len(b) {
			b[bit/8] ^= 1 << (bit % 8)
			got, _, err := DecodeFrame(b)
			want := ErrPayload
			if bit/8 < size {
				want = ErrHeader
			}
			if !errors.Is(err, want) {
				t.Fatalf("bit %d of byte %d: got %v, want %v", bit%8, bit/8, err, want)
			}
			if want == ErrPayload && got != h {
				t.Fatalf("bit %d of byte %d: got header %+v, want %+v", bit%8, bit/8, got, h)
			}
			b[bit/8] ^= 1 << (bit % 8)
		}
	})
}

func TestFrameRefusesEveryTruncation(t *testing.T) {
	h := Header{Type: recipe.String, N: 7, Records: 3}
	b := AppendFrame(nil, &h, []byte("three records"))
	for n := range b {
		if _, _, err := DecodeFrame(b[:n]); err == nil {
			t.Errorf("%d of %d bytes: got no error", n, len(b))
		}
	}
	if _, _, err := DecodeFrame(append(b, 0)); !errors.Is(err, ErrPayload) {
		t.Errorf("one byte more: got %v, want %v", err, ErrPayload)
	}
}

func TestFrameCompresses(t *testing.T) {
	h := Header{Type: recipe.String, Records: 100}
	payload := logLines(100)
	b := AppendFrame(nil, &h, payload)
	if len(b) > len(payload)*3/4 {
		t.Errorf("got %d bytes for %d of log lines", len(b), len(payload))
	}
}

// A payload that claims to be huge once decompressed costs nothing.
func TestFrameRefusesBomb(t *testing.T) {
	payload := make([]byte, MaxFrame+1)
	h := Header{Type: recipe.Bytes, Records: 1}
	b := AppendFrame(nil, &h, payload)
	allocs := testing.AllocsPerRun(3, func() {
		if _, _, err := DecodeFrame(b); !errors.Is(err, ErrPayload) {
			t.Errorf("got %v, want %v", err, ErrPayload)
		}
	})
	if allocs > 10 {
		t.Errorf("got %v allocations", allocs)
	}
	b = AppendFrame(nil, &h, payload[:MaxFrame])
	if _, p, err := DecodeFrame(b); err != nil || len(p) != MaxFrame {
		t.Errorf("greatest frame: got %d bytes, %v, want %d", len(p), err, MaxFrame)
	}
}

func TestFrameDoesNotAllocate(t *testing.T) {
	if testing.Short() {
		t.Skip("pools forget at random under the race detector, which the short form is for")
	}
	h := Header{Type: recipe.String, Records: 100, Split: 3, N: 9}
	payload := logLines(100)
	room := make([]byte, 0, len(payload))
	var b []byte
	n := testing.AllocsPerRun(100, func() {
		b = AppendFrame(b[:0], &h, payload)
		if _, _, err := DecodeFrameInto(room, b); err != nil {
			t.Fatal(err)
		}
	})
	if n > 0 {
		t.Errorf("got %v allocations, want none", n)
	}
}

func FuzzDecodeFrame(f *testing.F) {
	h := Header{Type: recipe.String, Split: 1, N: 2, Lane: 3, Parts: recipe.Parts("").Append(1, true), Records: 2}
	f.Add(AppendFrame(nil, &h, []byte("payload")))
	f.Add(AppendFrame(nil, &h, logLines(20)))
	f.Add([]byte("SF"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, p, err := DecodeFrame(b)
		switch {
		case err == nil:
			got, p2, err := DecodeFrame(AppendFrame(nil, &h, p))
			if err != nil || got != h || !bytes.Equal(p, p2) {
				t.Errorf("got %+v, %v, want %+v", got, err, h)
			}
		case !errors.Is(err, ErrHeader) && !errors.Is(err, ErrPayload):
			t.Errorf("got %v, want one of the two errors", err)
		}
	})
}
