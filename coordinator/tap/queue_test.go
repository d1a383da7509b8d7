package tap

import (
	"testing"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/recipe"
)

func encoded(n uint64, records, size int) []byte {
	payload := make([]byte, size)
	for i := range payload { // what can't be packed
		payload[i] = byte(i * i >> 3 * (i + 7))
	}
	return bus.AppendFrame(nil, &bus.Header{Type: recipe.Bytes, N: n, Records: records}, payload)
}

// TestQueue holds the queue to its bounds, and counts each frame once, in its place.
func TestQueue(t *testing.T) {
	for name, size := range map[string]int{"frames": 10, "bytes": 400 << 10} {
		t.Run(name, func(t *testing.T) {
			q, seen := queue{news: make(chan struct{}, 1)}, newMemory()
			const sent = 4 * queueFrames
			shown, left, gaps := 0, coordinator.TapGap{}, 0
			read := func(n int) {
				for range n {
					i, ok := q.take()
					if !ok {
						return
					}
					if i.data == nil {
						left.Add(i.gap)
						gaps++
					} else {
						shown++
					}
				}
			}
			for n := range uint64(sent) {
				b := encoded(n, 2, size)
				q.hear(0, seen, b)
				q.hear(0, seen, b) // another attempt
				if q.frames > queueFrames || q.bytes > queueBytes || len(q.items) > 2*queueFrames {
					t.Fatalf("%d frames, %d bytes wait", q.frames, q.bytes)
				}
				if n == sent/2 {
					read(5)
				}
			}
			read(sent)
			if shown+left.Frames != sent || left.Records != 2*left.Frames || left.Unknown {
				t.Errorf("got %d frames and a gap of %+v, want %d in all", shown, left, sent)
			}
			if gaps != 2 || shown < 5 || q.bytes != 0 || q.frames != 0 {
				t.Errorf("got %d gaps and %d frames, %d bytes wait still; want 2 gaps", gaps, shown, q.bytes)
			}
		})
	}
}

// TestMemory remembers the last frames, and no more.
func TestMemory(t *testing.T) {
	m := newMemory()
	for n := range uint64(3 * remembered) {
		o := recipe.Ordinal{N: n}
		if m.again(o) || !m.again(o) {
			t.Fatalf("frame %d", n)
		}
	}
	if len(m.known) != remembered || len(m.ring) != remembered {
		t.Errorf("got %d and %d", len(m.known), len(m.ring))
	}
	if !m.again(recipe.Ordinal{N: 2 * remembered}) || m.again(recipe.Ordinal{N: 2*remembered - 1}) {
		t.Error("the oldest is not the one that was forgotten")
	}
}
