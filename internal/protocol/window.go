package protocol

// Window bounds the frames that a publisher has in hand, and applies the 50 % rule: when
// at least half of a publisher's readers (another share can be set) are at capacity on
// edges that do not block, the window is halved, down to one frame; otherwise it grows
// again by one for each look.
type Window struct {
	size, most int
	share      float64
}

// NewWindow returns a window of most frames; share is 0.5 when zero.
func NewWindow(most int, share float64) Window {
	if share == 0 {
		share = 0.5
	}
	return Window{size: most, most: most, share: share}
}

// Size returns how many frames may be in hand now.
func (w *Window) Size() int { return w.size }

// Observe takes a look at the readers: full of them are at capacity, of all there are.
func (w *Window) Observe(full, all int) {
	if all > 0 && float64(full) >= w.share*float64(all) {
		w.size = max(1, w.size/2)
	} else if w.size < w.most {
		w.size++
	}
}
