package coordinator

import (
	"time"

	"sluice/recipe"
)

// Spec is what a user asked for: a job, written once and never changed. Writing it is all
// there is to a submission.
type Spec struct {
	Job      recipe.JobID      `json:"job"`
	Recipe   string            `json:"recipe"`            // its name
	Version  int               `json:"version,omitempty"` // of a saved recipe; 0 for one that was sent along
	Uses     []string          `json:"uses,omitempty"`    // saved recipes that are included in it, at any depth: name@3
	Source   string            `json:"source"`            // the document, as it was written
	Files    map[string]string `json:"files,omitempty"`   // the files that it includes by relative paths, by path
	Params   Values            `json:"params,omitempty"`  // as given; defaults are in the document
	Plan     *recipe.Plan      `json:"plan"`
	Labels   map[string]string `json:"labels,omitempty"`
	Priority int               `json:"priority"`           // -10 to 10; the higher ones get more of the workers
	Deadline time.Time         `json:"deadline,omitzero"`  // when it fails if it is not over
	Owner    string            `json:"owner"`              // who submitted it
	Parent   recipe.JobID      `json:"parent,omitempty"`   // whose dead letters it replays
	RetryOf  recipe.JobID      `json:"retry_of,omitempty"` // the failed job that it repeats
	Trace    string            `json:"trace,omitempty"`    // W3C traceparent of the submission, where that is traced
	Body     string            `json:"body,omitempty"`     // digest of the submission, where that has an idempotency key
	Created  time.Time         `json:"created"`
}

// Want is what users want of a job; the leader makes it so.
type Want string

// What can be wanted. Run is what a submission says.
const (
	WantRun    Want = "run"
	WantPause  Want = "pause"  // at rest, and no resource but its store held
	WantStop   Want = "stop"   // the same, as an operator says it
	WantDrain  Want = "drain"  // its sources end, the rest runs empty
	WantCancel Want = "cancel" // ended, what is stored is discarded
	WantGone   Want = "gone"   // deleted, with all that is stored of it
)

// Runs reports whether a job is to go on, if only to its end.
func (w Want) Runs() bool { return w == WantRun || w == WantDrain }

// Order is the latest word on a job.
type Order struct {
	Want Want      `json:"want"`
	By   string    `json:"by"`
	At   time.Time `json:"at"`
	// Refused is why the submission was refused although the job was written: who asks again under its
	// key is told so until it is gone, and then the key is free.
	Refused *Refusal `json:"refused,omitempty"`
	// Stands says that somebody was told of the job under its key: it is not refused any more.
	Stands bool `json:"stands,omitempty"`
}

// Refusal is a [Fault] that is written down.
type Refusal struct {
	Family Family `json:"family"`
	Text   string `json:"text"`
	Hint   string `json:"hint,omitempty"`
}

// Fault returns it as it was.
func (r *Refusal) Fault() error { return &Fault{Family: r.Family, Text: r.Text, Hint: r.Hint} }

// Status is what has become of a job. The leader alone writes it.
type Status struct {
	State    recipe.JobState  `json:"state"`
	Waiting  string           `json:"waiting,omitempty"` // why a job that is to run does not move
	Reason   string           `json:"reason,omitempty"`  // why it failed
	Started  time.Time        `json:"started,omitzero"`
	Ended    time.Time        `json:"ended,omitzero"`
	Progress *recipe.Progress `json:"progress,omitempty"` // the last that was written down
	Term     uint64           `json:"term,omitempty"`     // of the leader that wrote it; each has a higher one than those before
}

// Job is a job as users see it.
type Job struct {
	ID       recipe.JobID      `json:"id"`
	Recipe   string            `json:"recipe"`
	Version  int               `json:"version,omitempty"`
	Uses     []string          `json:"uses,omitempty"` // saved recipes that are included in it: name@3
	Labels   map[string]string `json:"labels,omitempty"`
	Priority int               `json:"priority"`
	Owner    string            `json:"owner"`
	Parent   recipe.JobID      `json:"parent,omitempty"`
	RetryOf  recipe.JobID      `json:"retry_of,omitempty"`
	Created  time.Time         `json:"created"`
	Deadline time.Time         `json:"deadline,omitzero"`
	Want     Want              `json:"want"`
	Ordered  time.Time         `json:"-"` // when that was said last; zero where nobody has
	Status
	Revision uint64 `json:"revision"` // of the last change; the ETag
}

// Of joins the three records of a job.
func Of(s *Spec, o *Order, st *Status) Job {
	j := Job{ID: s.Job, Recipe: s.Recipe, Version: s.Version, Uses: s.Uses, Labels: s.Labels, Priority: s.Priority, Owner: s.Owner, Parent: s.Parent,
		RetryOf: s.RetryOf, Created: s.Created, Deadline: s.Deadline, Want: WantRun, Status: Status{State: recipe.JobPending}}
	if o != nil {
		j.Want, j.Ordered = o.Want, o.At
	}
	if st != nil {
		j.Status = *st
	}
	return j
}

// May reports whether something can be wanted of a job as it is, and what is in the way.
func (j *Job) May(w Want) error {
	final, gone := j.State.Final(), j.Want == WantGone
	switch {
	case gone:
		return Faultf(Unknown, "job %s is being deleted", j.ID)
	case w == WantGone:
		if !final && j.Want != WantCancel {
			return Faultf(Conflict, "job %s is %s: cancel it before it is deleted", j.ID, j.State)
		}
		return nil
	case final:
		f := Faultf(Conflict, "job %s is over: %s", j.ID, j.State)
		if w == WantRun && j.State != recipe.JobSucceeded {
			f.Hint = "a retry runs it once more, as a new job"
		}
		return f
	case j.Want == WantCancel && w != WantCancel:
		return Faultf(Conflict, "job %s is being cancelled", j.ID)
	}
	return nil
}
