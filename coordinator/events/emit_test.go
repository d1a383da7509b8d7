package events_test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/coordinator"
	"sluice/coordinator/events"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

// dam stands between a client and a server; while it is shut nothing passes, and both sides
// believe that they are connected.
func dam(t *testing.T, url string) (through string, shut, open func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var gate sync.RWMutex
	var all sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	pass := func(to, from net.Conn) {
		defer to.Close()
		buf := make([]byte, 4096)
		for {
			n, err := from.Read(buf)
			if err != nil {
				return
			}
			gate.RLock()
			_, err = to.Write(buf[:n])
			gate.RUnlock()
			if err != nil {
				return
			}
		}
	}
	all.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", strings.TrimPrefix(url, "nats://"))
			if err != nil {
				near.Close()
				continue
			}
			mu.Lock()
			conns = append(conns, near, far)
			mu.Unlock()
			all.Go(func() { pass(near, far) })
			all.Go(func() { pass(far, near) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return "nats://" + l.Addr().String(), gate.Lock, gate.Unlock
}

// p99 emits n events and returns the time that 99 of 100 calls take at most.
func p99(l *events.Log, n int, next func(i int) coordinator.Event) time.Duration {
	took := make([]time.Duration, n)
	for i := range n {
		e := next(i)
		began := time.Now()
		l.Emit(e)
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took[n*99/100]
}

// lines takes what a logger says of second attempts.
type lines chan struct{}

// Write implements io.Writer.
func (l lines) Write(b []byte) (int, error) {
	if strings.Contains(string(b), "stored again") {
		select {
		case l <- struct{}{}:
		default:
		}
	}
	return len(b), nil
}

// TestN2EmitNeverBlocks emits while the server hangs: no call waits, progress is dropped before
// all else, what was dropped is counted and told, and what was kept comes once and in order.
func TestN2EmitNeverBlocks(t *testing.T) {
	server := bustest.ServerTCP(t)
	url, shut, reopen := dam(t, server.URL())
	again := make(lines, 1)
	log := hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: again})
	l := open(t, bustest.Dial(t, url, bus.AckTimeout(300*time.Millisecond)), events.Config{Queue: 200, Log: log})
	viewer := open(t, bustest.Connect(t, server), events.Config{Buffer: 5000})
	s := since(t, viewer, coordinator.EventFilter{}, 0)
	l.Emit(event("a", coordinator.EventState, "before"))
	same(t, "before", texts(t, s, 1), []string{"before"})
	shut()
	at := p99(l, 20_000, func(i int) coordinator.Event {
		if i%100 == 0 && i < 15_000 {
			return event("a", coordinator.EventState, fmt.Sprint("state ", i))
		}
		return event("a", coordinator.EventProgress, strings.Repeat("x", 500))
	})
	if at > 5*time.Millisecond {
		t.Errorf("with a hung server 99 of 100 calls take up to %v, want at most 5ms", at)
	}
	progress, others := l.Dropped()
	if progress < 15_000 || others != 0 {
		t.Errorf("dropped %d of progress and %d others, want most of progress and nothing else", progress, others)
	}
	bustest.Wait(t, "a second attempt", again)
	reopen()
	want, told := 0, false
	for want < 15_000 || !told {
		for _, text := range texts(t, s, 1) {
			switch {
			case strings.HasPrefix(text, "state "):
				if text != fmt.Sprint("state ", want) {
					t.Fatalf("got %q, want state %d", text, want)
				}
				want += 100
			case strings.Contains(text, "were dropped"):
				told = true
			}
		}
	}
	t.Logf("p99 of Emit while the server hangs: %v; %d dropped", at, progress)
}

// TestQueueDropsOldestFirst has no progress to drop: then the oldest go, and the latest stay.
func TestQueueDropsOldestFirst(t *testing.T) {
	server := bustest.ServerTCP(t)
	url, shut, reopen := dam(t, server.URL())
	l := open(t, bustest.Dial(t, url, bus.AckTimeout(300*time.Millisecond)), events.Config{Queue: 100})
	viewer := open(t, bustest.Connect(t, server), events.Config{})
	s := since(t, viewer, coordinator.EventFilter{Job: "a"}, 0)
	shut()
	for i := range 1000 {
		l.Emit(event("a", coordinator.EventPrint, fmt.Sprint(i)))
	}
	if _, others := l.Dropped(); others < 800 {
		t.Errorf("dropped %d, want 800 or more", others)
	}
	reopen()
	for last := ""; last != "999"; {
		got := texts(t, s, 1) // or more
		last = got[len(got)-1]
	}
}

// TestStreamDeleted deletes the stream: the next event makes it again, and viewers see it.
func TestStreamDeleted(t *testing.T) {
	conn := bustest.Conn(t, bustest.InProcess)
	l := open(t, conn, events.Config{})
	s := since(t, l, coordinator.EventFilter{}, 0)
	for range 5 {
		l.Emit(event("a", coordinator.EventPrint, "before"))
	}
	texts(t, s, 5)
	if err := conn.DeleteStream(bustest.Context(t), events.Stream); err != nil {
		t.Fatal(err)
	}
	l.Emit(event("a", coordinator.EventPrint, "after"))
	same(t, "live", texts(t, s, 1), []string{"after"})
	same(t, "stored", stored(t, l, coordinator.EventFilter{}), []string{"after"})
}

// TestRoomForEvents takes less where the store has no room for all that is asked for, and
// accepts a stream with other bounds.
func TestRoomForEvents(t *testing.T) {
	server := bustest.Start(t, bus.ServerConfig{MaxStore: 30 << 20})
	conn := bustest.Connect(t, server)
	for _, size := range []int64{100 << 20, 8 << 20} {
		l := open(t, conn, events.Config{MaxBytes: size})
		s := since(t, l, coordinator.EventFilter{}, 0)
		l.Emit(event("a", coordinator.EventPrint, "x"))
		texts(t, s, 1)
	}
}
