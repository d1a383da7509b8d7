package bustest

import (
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Proxy stands between a client and the server at url, so that a test can cut the
// connections without either side having said goodbye. Clients may connect again.
func Proxy(t testing.TB, url string) (through string, cut func()) {
	t.Helper()
	through, cut, _ = proxy(t, url)
	return through, cut
}

// Gate is a Proxy that can be shut: then it cuts the connections and takes no others.
func Gate(t testing.TB, url string) (through string, shut func(bool)) {
	t.Helper()
	through, cut, closed := proxy(t, url)
	return through, func(is bool) {
		closed.Store(is)
		if is {
			cut()
		}
	}
}

func proxy(t testing.TB, url string) (through string, cut func(), closed *atomic.Bool) {
	t.Helper()
	closed = new(atomic.Bool)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("proxy: %v", err)
	}
	var (
		mu    sync.Mutex
		conns []net.Conn
		all   sync.WaitGroup
	)
	cut = func() {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range conns {
			c.Close()
		}
		conns = nil
	}
	forward := func(to, from net.Conn) {
		defer all.Done()
		_, _ = io.Copy(to, from) // ends with either side
		to.Close()
		from.Close()
	}
	all.Add(1)
	go func() { // ends with the listener
		defer all.Done()
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
			if closed.Load() { // with mu held: what is added later is not cut
				near.Close()
				far.Close()
			}
			conns = append(conns, near, far)
			mu.Unlock()
			all.Add(2)
			go forward(near, far)
			go forward(far, near)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		cut()
		all.Wait()
	})
	return "nats://" + l.Addr().String(), cut, closed
}
