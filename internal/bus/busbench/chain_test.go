package busbench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"sluice/internal/bus/bustest"
)

var sizes = []struct {
	name   string
	bytes  int
	frames int
}{{"100B", 100, 20_000}, {"3KiB", 3 << 10, 10_000}, {"25KiB", 25 << 10, 4_000}}

// lines returns n bytes like an SSH server's log, the same ones each time.
func lines(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	var b []byte
	for len(b) < n {
		b = fmt.Appendf(b, "Nov %2d %02d:%02d:%02d host sshd[%d]: Failed password for root from %d.%d.%d.%d port %d ssh2\n",
			1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), 1000+r.IntN(60000),
			r.IntN(256), r.IntN(256), r.IntN(256), r.IntN(256), 1024+r.IntN(64000))
	}
	return b[:n]
}

func run(b *testing.B, f func(context.Context, Config) (Result, error)) {
	b.Helper()
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			ctx, cancel := context.WithTimeout(b.Context(), 5*time.Minute)
			defer cancel()
			k := Config{Frames: size.frames, Payload: lines(size.bytes), Edges: 4}
			var sum Result
			for b.Loop() {
				r, err := f(ctx, k)
				if err != nil {
					b.Fatal(err)
				}
				sum.Frames, sum.Edges = sum.Frames+r.Frames, r.Edges
				sum.CPU += r.CPU
				sum.Wall += r.Wall
			}
			b.ReportMetric(float64(sum.PerFrame().Nanoseconds())/1e3, "cpu-µs/frame/edge")
			b.ReportMetric(float64(sum.Wall.Nanoseconds())/1e3/float64(sum.Frames*sum.Edges), "wall-µs/frame/edge")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkChain is the raw baseline and its comparison: compare the lines of one run.
func BenchmarkChain(b *testing.B) {
	for _, by := range bustest.Transports {
		b.Run(fmt.Sprintf("bus/%s", by), func(b *testing.B) {
			c := bustest.Conn(b, by)
			run(b, func(ctx context.Context, k Config) (Result, error) { return Chain(ctx, c, k) })
		})
	}
	b.Run("no-id/in-process", func(b *testing.B) {
		c := bustest.Conn(b, bustest.InProcess)
		run(b, func(ctx context.Context, k Config) (Result, error) { k.NoMsgID = true; return Chain(ctx, c, k) })
	})
	b.Run("frames/in-process", func(b *testing.B) {
		c := bustest.Conn(b, bustest.InProcess)
		run(b, func(ctx context.Context, k Config) (Result, error) { k.Codec = true; return Chain(ctx, c, k) })
	})
	b.Run("nats.go/tcp", func(b *testing.B) {
		s := bustest.ServerTCP(b)
		c := bustest.Dial(b, s.URL())
		nc, err := nats.Connect(s.URL())
		if err != nil {
			b.Fatal(err)
		}
		defer nc.Close()
		run(b, func(ctx context.Context, k Config) (Result, error) { return Native(ctx, c, nc, k) })
	})
}

func TestChain(t *testing.T) {
	c := bustest.Conn(t, bustest.InProcess)
	for _, k := range []Config{{}, {Capacity: 1000}, {Codec: true}, {NoMsgID: true}, {Payloads: [][]byte{lines(900), lines(10), nil}}} {
		k.Frames, k.Payload, k.Edges = 1000, lines(2000), 3
		r, err := Chain(bustest.Context(t), c, k)
		if err != nil || r.CPU <= 0 {
			t.Errorf("got %v, %v", r, err)
		}
	}
}
