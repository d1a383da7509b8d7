//go:build linux

package faults

import (
	"bytes"
	"sync"
)

// mostHeard bounds what a wire keeps, in bytes.
const mostHeard = 512 << 20

// wire keeps all that passes a link, each direction of each connection by itself. A nil wire
// keeps nothing.
type wire struct {
	mu    sync.Mutex
	flows []*flow // guarded by mu
	bytes int     // guarded by mu
	full  bool    // it could not keep all; guarded by mu
}

// flow is one direction of a connection.
type flow struct {
	of   *wire
	data bytes.Buffer // guarded by of.mu
}

func (w *wire) flow() *flow {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	f := &flow{of: w}
	w.flows = append(w.flows, f)
	return f
}

func (f *flow) write(b []byte) {
	if f == nil {
		return
	}
	f.of.mu.Lock()
	defer f.of.mu.Unlock()
	if f.of.bytes += len(b); f.of.bytes > mostHeard {
		f.of.full = true
		return
	}
	f.data.Write(b)
}

// all returns what each direction of each connection has carried.
func (w *wire) all() (all [][]byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.flows {
		all = append(all, bytes.Clone(f.data.Bytes()))
	}
	return all
}
