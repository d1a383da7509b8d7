package codec

import (
	"fmt"
	"testing"

	"sluice/nodes"
)

// FuzzBase64 decodes with both alphabets, with and without padding.
func FuzzBase64(f *testing.F) {
	f.Add([]byte("__4-"), true, false)
	f.Add([]byte("aGVsbG8=\r\n"), false, true)
	f.Fuzz(func(t *testing.T, in []byte, url, padding bool) {
		alphabet := "std"
		if url {
			alphabet = "url"
		}
		config := fmt.Sprintf(`{"alphabet":%q,"padding":%v}`, alphabet, padding)
		if _, err := process(t, FromBase64, config, nodes.StringRecord(in)); err != nil && !nodes.IsPermanent(err) {
			t.Errorf("%q with %s: %v may not be tried again", in, config, err)
		}
	})
}
