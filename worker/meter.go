package worker

import (
	"sluice/internal/protocol"
	"sluice/recipe"
)

// Meter counts what a worker does, by kind; "" is that of a gate. Its methods are called once a
// frame or less, from any goroutine, and do not block.
type Meter interface {
	// Committed says that a frame's entry is in the ledger: records were taken, or read by a
	// source, and dead of them became dead letters. The second entry of a frame has no frames.
	Committed(kind string, frames, records, dead int64)
	Refused(kind string) // a frame's entry was refused, since there is one
	Full(kind string)    // an edge below had no room for a frame
	Retried(kind string) // a node is tried again
	Busy(n int64)        // n nodes begin to work, or -n are done
}

// unmetered counts nothing.
type unmetered struct{}

func (unmetered) Committed(string, int64, int64, int64) {}
func (unmetered) Refused(string)                        {}
func (unmetered) Full(string)                           {}
func (unmetered) Retried(string)                        {}
func (unmetered) Busy(int64)                            {}

func (r *jobRun) meter() Meter { return r.w.cfg.Meter }

// meterEntry counts an entry that the ledger took, or refused.
func (o *outbox) meterEntry(frames, records, dead int64, r protocol.Result) {
	switch r {
	case protocol.OK:
		o.job.meter().Committed(o.step.Kind, frames, records, dead)
	case protocol.Refused:
		o.job.meter().Refused(o.step.Kind)
	}
}

// measure returns what an entry counts for: a frame, unless it is the second of one, and its
// records.
func measure(role recipe.Role, e *protocol.Entry) (frames, records, dead int64) {
	if e.Done {
		return 0, 0, 0
	}
	records = e.In
	if role == recipe.RoleSource {
		records = e.Dead + e.Discard
		for port := range e.Counts {
			records += e.Out(port)
		}
	}
	return 1, records, e.Dead
}
