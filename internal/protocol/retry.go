package protocol

import "time"

// retryMax is the longest time before an operation that was not answered is tried again.
const retryMax = 4 * time.Second

// retry holds the operations that were not answered until it is time to try them again:
// after a millisecond, and twice as long each time that nothing was answered in between.
type retry struct {
	acts []Action
	wait time.Duration
	at   time.Duration
}

// hold takes an operation that was not answered.
func (r *retry) hold(a Action, now time.Duration, acts *[]Action) {
	if len(r.acts) == 0 {
		r.wait = min(max(2*r.wait, backoffMin), retryMax)
		r.at = now + r.wait
		*acts = append(*acts, Action{Op: OpWake, After: r.wait})
	}
	r.acts = append(r.acts, a)
}

// answered notes that the broker answers.
func (r *retry) answered() { r.wait = 0 }

// tick asks for the operations once more when it is time.
func (r *retry) tick(now time.Duration, acts *[]Action) {
	if len(r.acts) > 0 && now >= r.at {
		*acts = append(*acts, r.acts...)
		r.acts = nil
	}
}

// forget drops the operations on a frame that the machine has given up.
func (r *retry) forget(id ID) {
	kept := r.acts[:0]
	for _, a := range r.acts {
		if a.ID != id {
			kept = append(kept, a)
		}
	}
	r.acts = kept
}
