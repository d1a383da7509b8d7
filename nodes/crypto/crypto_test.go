package crypto

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"sluice/nodes"
	"sluice/recipe"
)

var line = []byte("Dec 10 06:55:48 host sshd[24200]: Failed password for invalid user web from 173.234.31.186 port 38926 ssh2")

func TestDigestsMakeNoGarbage(t *testing.T) {
	for _, k := range Kinds {
		p, err := k.Build([]byte(`{"algorithm":"sha256","key":"k"}`), &nodes.Env{})
		if k.Kind != HMAC.Kind {
			p, err = k.Build([]byte(`{}`), &nodes.Env{})
		}
		if err != nil {
			t.Fatal(err)
		}
		c := nodes.NewCall([]recipe.PortType{{Name: "out", Type: recipe.String}})
		got := testing.AllocsPerRun(100, func() {
			c.Begin(context.Background(), [2]uint64{})
			if err := p.(nodes.Processor).Process(c, nodes.StringRecord(line)); err != nil {
				t.Fatal(err)
			}
			if err := p.(nodes.Processor).Process(c, nodes.IntRecord(7)); err != nil {
				t.Fatal(err)
			}
		})
		if got != 0 {
			t.Errorf("%s: got %v allocations a record, want 0", k.Kind, got)
		}
	}
}

func BenchmarkSHA256(b *testing.B) {
	b.Run("kind", func(b *testing.B) {
		p, err := SHA256Hash.Build([]byte(`{}`), &nodes.Env{})
		if err != nil {
			b.Fatal(err)
		}
		c := nodes.NewCall([]recipe.PortType{{Name: "out", Type: recipe.String}})
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if i%recipe.FrameRecords == 0 {
				c.Begin(context.Background(), [2]uint64{})
			}
			if err := p.(nodes.Processor).Process(c, nodes.StringRecord(line)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("plain", func(b *testing.B) {
		b.ReportAllocs()
		out := make([]byte, 64)
		for b.Loop() {
			sum := sha256.Sum256(line)
			hex.Encode(out, sum[:])
		}
	})
}
