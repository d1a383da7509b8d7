package bus

import (
	"fmt"
	"testing"

	"sluice/recipe"
)

// BenchmarkFrame is what the codec costs on log lines: checksums and compression.
func BenchmarkFrame(b *testing.B) {
	for _, lines := range []int{1, 30, 256} {
		payload := logLines(lines)
		h := Header{Type: recipe.String, Records: lines}
		frame := AppendFrame(nil, &h, payload)
		b.Run(fmt.Sprintf("encode/%dB", len(payload)), func(b *testing.B) {
			b.SetBytes(int64(len(payload)))
			b.ReportMetric(float64(len(frame))/float64(len(payload)), "stored/payload")
			var buf []byte
			for b.Loop() {
				buf = AppendFrame(buf[:0], &h, payload)
			}
		})
		room := make([]byte, 0, len(payload))
		b.Run(fmt.Sprintf("decode/%dB", len(payload)), func(b *testing.B) {
			b.SetBytes(int64(len(payload)))
			for b.Loop() {
				if _, _, err := DecodeFrameInto(room, frame); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
