package worker

import "sync/atomic"

// What the loops of one worker may have in memory together, as far as that leaves each the
// least that it works with. A worker with few loops gives each all that it can use.
const (
	frameRoom = 2048      // frames in hand of all loops that take them in any order
	holdRoom  = 256 << 20 // bytes of early frames in memory, of all ordered steps
	holdMost  = 32 << 20  // of one ordered step; beyond it payloads are fetched again
	holdLeast = 1 << 20
)

// rooms divide the worker's memory among the loops that run.
type rooms struct{ relays, owners atomic.Int64 }

// relay counts a loop until the function that it returns is called; so does owner.
func (r *rooms) relay() func() { return counted(&r.relays) }
func (r *rooms) owner() func() { return counted(&r.owners) }

func counted(n *atomic.Int64) func() {
	n.Add(1)
	return func() { n.Add(-1) }
}

// window is how many frames a loop may have in hand whose step works on so many at once: a few
// more than those, which hide the way to the server and back.
func (r *rooms) window(parallel int) int {
	return max(min(max(relayWindow, 2*parallel), frameRoom/int(max(1, r.relays.Load()))), parallel+2)
}

// hold is how many bytes of early frames an ordered step may keep in memory.
func (r *rooms) hold() int64 {
	return max(holdLeast, min(holdMost, holdRoom/max(1, r.owners.Load())))
}
