//go:build linux

package faults

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// weather is what a link does to what passes.
type weather struct {
	delay time.Duration // each way
	// stalled says that nothing passes, and nobody is told: the connection is half open.
	stalled bool
	deaf    bool // what comes back from the server is lost
	mute    bool // what goes to the server is lost
}

// link stands between one process and the servers; every server has a port of its own in it.
type link struct {
	heard *wire

	mu      sync.Mutex
	weather weather       // guarded by mu, as all below
	changed chan struct{} // closed when the weather changes
	conns   map[net.Conn]bool
	closed  bool
}

// newLink returns a link, and its addresses in the order of the servers'. heard takes all that
// passes; nil takes nothing.
func newLink(t testing.TB, servers []string, heard *wire) (*link, []string) {
	t.Helper()
	k := &link{changed: make(chan struct{}), conns: map[net.Conn]bool{}, heard: heard}
	var all sync.WaitGroup
	var near []string
	var listeners []net.Listener
	for _, server := range servers {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		near, listeners = append(near, ln.Addr().String()), append(listeners, ln)
		all.Go(func() { k.serve(ln, server, &all) })
	}
	t.Cleanup(func() {
		for _, ln := range listeners {
			ln.Close()
		}
		k.mu.Lock()
		k.closed = true
		k.mu.Unlock()
		k.set(weather{})
		k.cut()
		all.Wait()
	})
	return k, near
}

func (k *link) serve(ln net.Listener, server string, all *sync.WaitGroup) {
	for {
		near, err := ln.Accept()
		if err != nil {
			return
		}
		far, err := net.DialTimeout("tcp", server, time.Second)
		if err != nil || !k.hold(near, far) {
			near.Close()
			if far != nil {
				far.Close()
			}
			continue
		}
		all.Go(func() { k.forward(far, near, false) })
		all.Go(func() { k.forward(near, far, true) })
	}
}

func (k *link) hold(conns ...net.Conn) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range conns {
		k.conns[c] = !k.closed
	}
	return !k.closed
}

// set changes the weather.
func (k *link) set(w weather) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.weather = w
	close(k.changed)
	k.changed = make(chan struct{})
}

func (k *link) now() (weather, chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.weather, k.changed
}

// cut closes all connections.
func (k *link) cut() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for c := range k.conns {
		c.Close()
	}
	clear(k.conns)
}

// parcel is what was read at once, and when it is due on the other side.
type parcel struct {
	data []byte
	due  time.Time
}

// forward carries one direction of a connection.
func (k *link) forward(to, from net.Conn, back bool) {
	way := make(chan parcel, 1024)
	flow := k.heard.flow()
	go func() {
		defer close(way)
		for {
			b := make([]byte, 32<<10)
			n, err := from.Read(b)
			flow.write(b[:n])
			if w, _ := k.now(); n > 0 && !(back && w.deaf || !back && w.mute) {
				way <- parcel{b[:n], time.Now().Add(w.delay)}
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range way {
		k.pass(p)
		if _, err := to.Write(p.data); err != nil {
			break
		}
	}
	to.Close()
	from.Close()
	_, _ = io.Copy(io.Discard, from)
	for range way { // until the reader has seen the end
	}
}

// pass waits until a parcel is due, and the link not stalled.
func (k *link) pass(p parcel) {
	for {
		w, changed := k.now()
		wait := time.Until(p.due)
		if !w.stalled && wait <= 0 {
			return
		}
		if w.stalled {
			wait = time.Hour
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-changed:
		}
		timer.Stop()
	}
}
