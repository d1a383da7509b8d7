package bustest

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// Proxy stands between a client and the server at url, so that a test can cut the
// connections without either side having said goodbye. Clients may connect again.
func Proxy(t testing.TB, url string) (through string, cut func()) {
	t.Helper()
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
	return "nats://" + l.Addr().String(), cut
}
