package bus

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

type sample struct {
	Text string `json:"text"`
}

func TestRecords(t *testing.T) {
	for _, size := range []int{0, 1000, packedFrom - 12, packedFrom, 10 << 20} {
		want := sample{strings.Repeat("node", size/4)}
		data, err := EncodeRecord(want)
		if err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		if plain := data[0] == '{'; plain != (size < packedFrom) {
			t.Errorf("%d bytes: got %d bytes, plain %v", size, len(data), plain)
		}
		var got sample
		if err := DecodeRecord(data, &got); err != nil || got != want {
			t.Errorf("%d bytes: got %d bytes back, err %v", size, len(got.Text), err)
		}
	}
}

func TestRecordsAreBounded(t *testing.T) {
	noise := make([]byte, 4<<20)
	for i := range noise {
		noise[i] = byte('a' + rand.IntN(26))
	}
	if _, err := EncodeRecord(sample{string(noise)}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
	for _, data := range [][]byte{nil, []byte("{"), {0xff, 0xff, 0xff, 0xff, 0x7f}, bytes.Repeat([]byte{0x80}, 20)} {
		if err := DecodeRecord(data, new(sample)); err == nil {
			t.Errorf("% x: got no error", data)
		}
	}
}
