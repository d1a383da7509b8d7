package worker

import (
	"encoding/json"
	"sync"
	"time"

	"sluice/internal/bus"
	"sluice/recipe"
)

// Bounds of what a worker tells of a job's faults: each step's first is told at once, and then how
// many there were, now and then.
const (
	faultEvery  = time.Second            // between two of a step, doubling while they go on
	faultMax    = 30 * time.Second       // up to this
	faultsEvery = 100 * time.Millisecond // between two of a job
)

// faults are those that nodes meet and the job survives, as the coordinators are told of them. A
// record that goes to the dead letters is not among them: the leader tells of those.
type faults struct {
	mu    sync.Mutex
	last  time.Time         // when one was told; guarded by mu, as all below
	steps map[int]*troubled // by step
}

// troubled is a step that met faults.
type troubled struct {
	node   string
	what   string // that becomes of the last one
	err    error  // it
	untold int    // how many have not been told
	due    time.Time
	wait   time.Duration
}

// met notes a fault of a step; what says what becomes of it. It waits for nothing.
func (r *jobRun) met(step *recipe.Step, what string, err error) {
	if r.w.cfg.Announce == nil {
		return
	}
	f := &r.faults
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.steps == nil {
		f.steps = map[int]*troubled{}
	}
	s := f.steps[step.ID]
	if s == nil {
		s = &troubled{node: step.Node}
		f.steps[step.ID] = s
	}
	s.what, s.err, s.untold = what, err, s.untold+1
	now := time.Now()
	if now.Before(s.due) || now.Sub(f.last) < faultsEvery {
		return
	}
	if s.wait = min(2*s.wait, faultMax); now.Sub(s.due) > faultMax || s.wait == 0 { // it was well for long
		s.wait = faultEvery
	}
	f.last, s.due = now, now.Add(s.wait)
	r.tell(s)
}

// tell tells of a step's faults. Called with the mutex of faults held.
func (r *jobRun) tell(s *troubled) {
	data, _ := json.Marshal(bus.Printed{Worker: r.w.cfg.Name, Node: s.node, Text: s.what + ": " + r.reason(s.err), Faults: s.untold})
	_ = r.conn.Send(r.names.Console(), data) // who is cut off tells nothing
	s.untold, s.err = 0, nil
}

// closeFaults tells what is left, of some steps.
func (r *jobRun) closeFaults() {
	const most = 16
	f := &r.faults
	f.mu.Lock()
	defer f.mu.Unlock()
	left := most
	for _, s := range f.steps {
		if s.untold > 0 && left > 0 {
			left--
			r.tell(s)
		}
	}
}
