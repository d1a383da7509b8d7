package bus_test

import (
	"context"
	"fmt"
	"testing"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

// BenchmarkLedger stores entries, each on a subject of its own, with a window of 256.
func BenchmarkLedger(b *testing.B) {
	c := bustest.Conn(b, bustest.InProcess)
	ensure(b, c, ledger())
	p := publisher(b, c)
	room := make(chan struct{}, 256)
	data := make([]byte, 80)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		room <- struct{}{}
		n++
		p.Put(bus.Put{Subject: fmt.Sprintf("ledger.s1.0-%d-0", n), Data: data}, func(bus.Outcome) { <-room })
	}
	for range cap(room) {
		room <- struct{}{}
	}
}

// BenchmarkScan reads 50,000 entries back; per entry.
func BenchmarkScan(b *testing.B) {
	c := bustest.Conn(b, bustest.InProcess)
	ensure(b, c, ledger())
	const total = 50_000
	putMany(b, publisher(b, c), "ledger", 0, total)
	rounds := 0
	for b.Loop() {
		n := 0
		err := c.Scan(context.Background(), "LEDGER", "", 0, func(*bus.Stored) error { n++; return nil })
		if err != nil || n != total {
			b.Fatalf("got %d, %v, want %d", n, err, total)
		}
		rounds++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rounds)/total, "ns/entry")
}
