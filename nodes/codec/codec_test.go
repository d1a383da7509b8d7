package codec

import (
	"bytes"
	"compress/gzip"
	"context"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/nodes"
	"sluice/recipe"
)

// process runs one record through a fresh instance of a kind.
func process(t interface{ Fatal(...any) }, k nodes.Kind, config string, r nodes.Record) ([]byte, error) {
	p, err := k.Build([]byte(config), &nodes.Env{})
	if err != nil {
		t.Fatal(err)
	}
	c := nodes.NewCall([]recipe.PortType{{Name: "out", Type: k.Out[0].Type}})
	c.Begin(context.Background(), [2]uint64{})
	if err := p.(nodes.Processor).Process(c, r); err != nil {
		return nil, err
	}
	if c.Err() != nil {
		return nil, c.Err()
	}
	out, ok := cursorOf(c).Next()
	if !ok {
		t.Fatal("no record came out")
	}
	return out.Bytes(), nil
}

func cursorOf(c *nodes.Call) *nodes.Cursor {
	cur := c.Out(0).Cursor()
	return &cur
}

func TestRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		pair := rapid.SampledFrom([]struct {
			to, from nodes.Kind
			config   string
		}{
			{ToBase64, FromBase64, `{"alphabet":"std","padding":true}`},
			{ToBase64, FromBase64, `{"alphabet":"std","padding":false}`},
			{ToBase64, FromBase64, `{"alphabet":"url","padding":true}`},
			{ToBase64, FromBase64, `{"alphabet":"url","padding":false}`},
			{ToHex, FromHex, `{}`},
			{URLEncode, URLDecode, `{"plus":false}`},
			{URLEncode, URLDecode, `{"plus":true}`},
		}).Draw(t, "pair")
		coded, err := process(t, pair.to, pair.config, nodes.StringRecord(in))
		if err != nil {
			t.Fatal(err)
		}
		got, err := process(t, pair.from, pair.config, nodes.StringRecord(coded))
		if err != nil || !bytes.Equal(got, in) {
			t.Fatalf("%s and back: got %q, %v, want %q", pair.to.Kind, got, err, in)
		}
	})
}

func TestGzipRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		coded, err := process(t, Gzip, `{"level":6}`, nodes.BytesRecord(in))
		if err != nil {
			t.Fatal(err)
		}
		got, err := process(t, Gunzip, `{}`, nodes.BytesRecord(coded))
		if err != nil || !bytes.Equal(got, in) {
			t.Fatalf("got %q, %v, want %q", got, err, in)
		}
	})
}

func TestGunzipStopsABomb(t *testing.T) {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	zeros := make([]byte, 1<<20)
	for range 64 {
		_, _ = w.Write(zeros)
	}
	_ = w.Close()
	_, err := process(t, Gunzip, `{}`, nodes.BytesRecord(bomb.Bytes()))
	if !nodes.IsPermanent(err) || !strings.Contains(err.Error(), "decompresses to more than") {
		t.Errorf("got %v, want a permanent error", err)
	}
}

func FuzzDecoders(f *testing.F) {
	f.Add([]byte("aGVsbG8="))
	f.Add([]byte("4a4B"))
	f.Add([]byte("%41+%zz"))
	f.Add([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\xca\xc8\x04\x04\x00\x00\xff\xff\xac\x2a\x93\xd8\x02\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, k := range []nodes.Kind{FromBase64, FromHex, URLDecode} {
			config := "{}"
			if k.Kind == FromBase64.Kind {
				config = `{"alphabet":"std","padding":true}`
			}
			if _, err := process(t, k, config, nodes.StringRecord(in)); err != nil && !nodes.IsPermanent(err) {
				t.Errorf("%s of %q: %v may not be tried again", k.Kind, in, err)
			}
		}
		if _, err := process(t, Gunzip, "{}", nodes.BytesRecord(in)); err != nil && !nodes.IsPermanent(err) {
			t.Errorf("gunzip of %q: %v may not be tried again", in, err)
		}
	})
}
