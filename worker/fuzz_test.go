package worker

import (
	"reflect"
	"testing"

	"sluice/internal/protocol"
)

// What decodes is the same after it was encoded again.

func FuzzDecodeRecord(f *testing.F) {
	entry := &protocol.Entry{Step: 3, Dead: 1, Counts: [][]uint32{{1, 2}}, By: "w"}
	for _, c := range []record{
		{},
		{epoch: 300, snapshot: true, cursors: protocol.Cursors{{Split: 1, N: 5}, {Done: true}}, state: []byte("state")},
		{ref: true, last: entry, state: []byte("name")},
	} {
		f.Add(c.append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decodeRecord(b)
		if err != nil {
			return
		}
		again, err := decodeRecord(c.append(nil))
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Fatalf("got %+v, %v\nwant %+v", again, err, c)
		}
	})
}

func FuzzDecodeChunk(f *testing.F) {
	for _, c := range []chunk{{}, {end: true, total: 9}, {records: 256, total: 1 << 40, dropped: 3, ref: true, letters: []byte("{}\n"), data: []byte("data")}} {
		f.Add(c.append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decodeChunk(b)
		if err != nil {
			return
		}
		if c.records < 0 || c.total < 0 {
			t.Fatalf("less than nothing: %+v", c)
		}
		again, err := decodeChunk(c.append(nil))
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Fatalf("got %+v, %v\nwant %+v", again, err, c)
		}
	})
}
