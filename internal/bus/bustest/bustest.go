// Package bustest starts real NATS servers for tests, in milliseconds, and connects
// to them inside the process or over TCP. Everything is closed when the test ends.
package bustest

import (
	"context"
	"os"
	"testing"
	"time"

	"sluice/internal/bus"
)

// Timeout bounds what a test waits for. It is far beyond what anything takes, since machines are
// shared: the election of a leader takes nine seconds where nothing else is at work, and may be in vain.
const Timeout = time.Minute

// Transport says how a test's connections reach its server.
type Transport string

// The transports.
const (
	InProcess Transport = "in-process"
	TCP       Transport = "tcp"
)

// Transports are all transports, for tests that hold for each.
var Transports = []Transport{InProcess, TCP}

// Server starts a server without a port on a temporary folder.
func Server(t testing.TB) *bus.Server {
	t.Helper()
	return Start(t, bus.ServerConfig{})
}

// ServerTCP starts a server that listens on a free port of the loopback interface.
func ServerTCP(t testing.TB) *bus.Server {
	t.Helper()
	return Start(t, bus.ServerConfig{Listen: "127.0.0.1:0"})
}

// Start starts a server with these settings; Dir is a temporary folder unless set.
func Start(t testing.TB, c bus.ServerConfig) *bus.Server {
	t.Helper()
	if c.Dir == "" {
		c.Dir = t.TempDir()
	}
	s, err := bus.StartServer(c)
	if err != nil {
		t.Fatalf("start server: %v", err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

// Conn connects to a new server by the transport.
func Conn(t testing.TB, by Transport, opts ...bus.Option) *bus.Conn {
	t.Helper()
	if by == TCP {
		return Dial(t, ServerTCP(t).URL(), opts...)
	}
	return Connect(t, Server(t), opts...)
}

// Connect opens a connection inside the process.
func Connect(t testing.TB, s *bus.Server, opts ...bus.Option) *bus.Conn {
	t.Helper()
	c, err := s.Connect(t.Name(), opts...)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(c.Close)
	return c
}

// Dial connects over TCP.
func Dial(t testing.TB, url string, opts ...bus.Option) *bus.Conn {
	t.Helper()
	c, err := bus.Dial(url, t.Name(), opts...)
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	t.Cleanup(c.Close)
	return c
}

// Within is a bound on what takes d at most on a machine that does nothing else: five times that under
// the race detector, and in CI, whose machines are shared.
func Within(d time.Duration) time.Duration {
	if testing.Short() || os.Getenv("CI") != "" {
		return 5 * d
	}
	return d
}

// Context ends with the test, or after Timeout.
func Context(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	t.Cleanup(cancel)
	return ctx
}

// Wait waits for a value, and fails the test when none comes in time.
func Wait[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(Timeout):
		t.Fatalf("waited %v for %s", Timeout, what)
		panic("not reached")
	}
}

// Eventually waits until a fact holds, and fails the test when it does not in time.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	end := time.Now().Add(Timeout)
	for !holds() {
		if time.Now().After(end) {
			t.Fatalf("waited %v until %s", Timeout, what)
		}
		<-time.After(5 * time.Millisecond)
	}
}
