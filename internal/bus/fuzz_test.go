package bus

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
)

// What a ledger entry keeps comes out as it went in, or not at all.
func FuzzUnkeep(f *testing.F) {
	f.Add(Keep(nil))
	f.Add(Keep([][][]byte{{[]byte("a"), nil}, {}, {[]byte("frame")}}))
	f.Add(Keep([][][]byte{{[]byte("frame")}}, DeadLetter{ID: "3.0-1-0.2", Record: []byte(`{"a":1}`), Reason: "no"}, DeadLetter{Raw: []byte{0xff}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		ports, letters, err := Unkeep(b)
		if err != nil {
			return
		}
		again, lettersAgain, err := Unkeep(Keep(ports, letters...))
		if err != nil || !reflect.DeepEqual(again, ports) {
			t.Fatalf("got %v, %v\nwant %v", again, err, ports)
		}
		want, _ := json.Marshal(letters)
		if got, _ := json.Marshal(lettersAgain); !bytes.Equal(got, want) {
			t.Fatalf("got letters %s\nwant %s", got, want)
		}
	})
}

// Whatever a server says is an outcome, and what names no sequence is no success.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"stream":"S","seq":12}`), "$JS.ACK.S.C.1.2.3.4.5")
	f.Add([]byte(`{"error":{"code":503,"err_code":10077,"description":"maximum messages per subject exceeded"}}`), "$JS.ACK._.A.S.C.1.2.3.4.5.x")
	f.Add([]byte(`{"stream":"S","seq":1,"duplicate":true}`), "$JS.ACK.")
	f.Fuzz(func(t *testing.T, data []byte, reply string) {
		if o := parseAck(data); o.Err == nil && o.Seq != 0 && !bytes.ContainsAny(data, "123456789") {
			t.Errorf("%q was stored as %d", data, o.Seq)
		}
		if err := decodeError(data); err != nil {
			_ = errors.Is(err, ErrStore)
			_ = err.Error()
		}
		parseReply(reply)
		parseToken(reply)
	})
}
