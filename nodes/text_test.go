package nodes

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"
	"unicode/utf8"
)

func TestAppendText(t *testing.T) {
	for _, c := range []struct {
		r    Record
		want string
	}{
		{TextRecord("a\xff"), "a\xff"},
		{IntRecord(math.MinInt64), "-9223372036854775808"},
		{FloatRecord(2), "2"}, {FloatRecord(0.1), "0.1"}, {FloatRecord(1e21), "1e+21"}, {FloatRecord(123456789012345680), "123456789012345680"},
		{FloatRecord(1e-7), "1e-07"}, {FloatRecord(-0.5), "-0.5"},
		{BoolRecord(true), "true"}, {BoolRecord(false), "false"},
		{BytesRecord([]byte{0, 255}), "\x00\xff"},
		{JSONRecord([]byte(`"a\n\u00e9\ud83d\ude00\/"`)), "a\né😀/"},
		{JSONRecord([]byte(`"\ud83d"`)), "\ufffd"},
		{JSONRecord([]byte(`{"b" : 9007199254740993, "a": [1 , "x y"], "s":"\" {"}`)), `{"b":9007199254740993,"a":[1,"x y"],"s":"\" {"}`},
		{JSONRecord([]byte(`null`)), "null"},
	} {
		if got := AppendText([]byte("> "), c.r); string(got) != "> "+c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestAppendJSON(t *testing.T) {
	for _, c := range []struct {
		r    Record
		want string
	}{
		{TextRecord("a\"\\\n\x01<é"), `"a\"\\\n\u0001<é"`},
		{BytesRecord([]byte("hi")), `"aGk="`},
		{FloatRecord(1.5), "1.5"},
		{JSONRecord([]byte(`[1, 2]`)), "[1,2]"},
	} {
		got, err := AppendJSON(nil, c.r)
		if string(got) != c.want || err != nil {
			t.Errorf("got %s %v, want %s", got, err, c.want)
		}
	}
	for _, r := range []Record{TextRecord("\xff"), JSONRecord([]byte("[\"\xff\"]")), FloatRecord(math.NaN()), FloatRecord(math.Inf(1))} {
		if _, err := AppendJSON(nil, r); !IsPermanent(err) {
			t.Errorf("got %v, want a Permanent error", err)
		}
	}
}

func FuzzJSONText(f *testing.F) {
	f.Add([]byte(`"a\n\u00e9\ud83d\ude00\/"`))
	f.Add([]byte(`{"a" : [1, "\"x\\"] }`))
	f.Add([]byte("\"\\ud800\\u0041\""))
	f.Fuzz(func(t *testing.T, doc []byte) {
		doc = bytes.TrimSpace(doc)
		if !json.Valid(doc) || !utf8.Valid(doc) {
			return
		}
		var s string
		got := AppendText(nil, JSONRecord(doc))
		if doc[0] == '"' {
			if err := json.Unmarshal(doc, &s); err != nil || string(got) != s {
				t.Errorf("%q: got %q, want %q", doc, got, s)
			}
			quoted := AppendQuoted(nil, got)
			if err := json.Unmarshal(quoted, &s); err != nil || s != string(got) {
				t.Errorf("%q: quoted %q is read as %q (%v)", got, quoted, s, err)
			}
			return
		}
		var want bytes.Buffer
		if err := json.Compact(&want, doc); err != nil || want.String() != string(got) {
			t.Errorf("%q: got %q, want %q", doc, got, want.String())
		}
	})
}
