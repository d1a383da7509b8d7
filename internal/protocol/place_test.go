package protocol

import (
	"reflect"
	"testing"
)

func FuzzDecodePlace(f *testing.F) {
	f.Add(Place{}.Append(nil))
	f.Add(Place{Cursors: Cursors{{Split: 1, N: 300, Path: "\x00\x01"}, {Done: true}}, Held: 1 << 40, Full: true}.Append(nil))
	f.Add(Place{Cursors: Cursors{{N: 1}}, Starved: true}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := DecodePlace(b)
		if !ok {
			return
		}
		if again, ok := DecodePlace(p.Append(nil)); !ok || !reflect.DeepEqual(again, p) {
			t.Fatalf("got %+v, %v\nwant %+v", again, ok, p)
		}
	})
}
