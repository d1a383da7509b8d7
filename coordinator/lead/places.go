package lead

// A job has a place from when it begins to be run until it rests or is at its end. While workers
// are missing for it, before it runs or in the middle, it has none: others run meanwhile.

// enter gives a runner a place, when one is free, and says how many are taken.
func (d *desk) enter(r *runner) (taken int, entered bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r.placed || d.taken >= d.cfg.MaxRunning {
		return d.taken, r.placed
	}
	d.taken++
	r.placed = true
	return d.taken, true
}

// back gives a place to a runner whose job runs already, whatever others have: for a while more
// may run than there are places for.
func (d *desk) back(r *runner) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !r.placed {
		d.taken++
		r.placed = true
	}
}

// leave takes a runner's place, if it has one. Those that wait for their turn are looked at.
func (d *desk) leave(r *runner) {
	d.mu.Lock()
	full := r.placed && d.taken >= d.cfg.MaxRunning
	if r.placed {
		d.taken--
		r.placed = false
	}
	d.mu.Unlock()
	if full {
		d.nudgeAll()
	}
}
