package recipe

import "time"

// JobState is where a job is in its life.
type JobState string

// The states of jobs. Paused and stopped jobs rest and can go on; succeeded, failed and
// cancelled ones are at their end.
const (
	JobPending   JobState = "pending"
	JobRunning   JobState = "running"
	JobDraining  JobState = "draining"
	JobPaused    JobState = "paused"
	JobStopped   JobState = "stopped"
	JobSucceeded JobState = "succeeded"
	JobFailed    JobState = "failed"
	JobCancelled JobState = "cancelled"
)

// Final reports whether a job in state s can't go on any more.
func (s JobState) Final() bool {
	return s == JobSucceeded || s == JobFailed || s == JobCancelled
}

// AtRest reports whether nothing moves in a job in state s: it is final, paused or stopped.
func (s JobState) AtRest() bool { return s.Final() || s == JobPaused || s == JobStopped }

// Progress is a picture of a job at one moment, drawn from its ledger.
type Progress struct {
	Job      JobID          `json:"job"`
	Recipe   string         `json:"recipe"`
	State    JobState       `json:"state"`
	Elapsed  time.Duration  `json:"elapsed_ns"`
	Fraction float64        `json:"fraction"`         // of the sources' splits by size that has passed all steps, 0 to 1; -1 when unknown
	Reason   string         `json:"reason,omitempty"` // why it failed or stopped; names the node or edge
	Steps    []StepProgress `json:"steps"`            // in the plan's order
	Unread   []UnreadPort   `json:"unread,omitempty"`
	// Earlier is what the steps had done when this process went on with the job; none when
	// it began the job, or the job had ended before. Elapsed and rates are of what came since.
	Earlier []StepProgress `json:"earlier,omitempty"`
}

// StepProgress is what one step has done so far, in records.
type StepProgress struct {
	Node    string `json:"node"`
	Kind    string `json:"kind"`
	Role    Role   `json:"role"`
	In      int64  `json:"in"`      // arrived; of a source: read from outside
	Out     int64  `json:"out"`     // emitted, counted once however many edges carry it on
	Dropped int64  `json:"dropped"` // by a full edge that drops, or by on_error: drop
	Expired int64  `json:"expired"` // by an edge's ttl
	Dead    int64  `json:"dead"`    // given up and kept as dead letters
	Skipped int64  `json:"skipped"` // passed over because nothing below wants more
}

// UnreadPort is an output port without a reader, and the records it had.
type UnreadPort struct {
	Node    string `json:"node"`
	Port    string `json:"port"`
	Records int64  `json:"records"`
}

// Read returns the number of records that the sources have read.
func (p *Progress) Read() int64 { return read(p.Steps) }

// ReadNow returns the number of those that were read within Elapsed.
func (p *Progress) ReadNow() int64 { return read(p.Steps) - read(p.Earlier) }

func read(steps []StepProgress) int64 {
	var n int64
	for _, s := range steps {
		if s.Role == RoleSource {
			n += s.In
		}
	}
	return n
}

// Dead returns the number of dead letters of all steps.
func (p *Progress) Dead() int64 {
	var n int64
	for _, s := range p.Steps {
		n += s.Dead
	}
	return n
}

// Lost returns the number of records that edges dropped or let expire, and that nodes
// dropped.
func (p *Progress) Lost() int64 {
	var n int64
	for _, s := range p.Steps {
		n += s.Dropped + s.Expired
	}
	return n
}
