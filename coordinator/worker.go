package coordinator

import (
	"slices"
	"time"

	"sluice/recipe"
)

// Worker is a process that serves steps, as it says of itself.
type Worker struct {
	Name        string        `json:"name"`
	Host        string        `json:"host,omitempty"`
	PID         int           `json:"pid"`
	Version     string        `json:"version,omitempty"` // of its build
	Started     time.Time     `json:"started"`
	Pool        string        `json:"pool,omitempty"`    // "*" is every pool, "" the steps that name none
	Concurrency int           `json:"concurrency"`       // frames computed at once
	Kinds       []KindVersion `json:"kinds"`             // by name
	Gates       bool          `json:"gates"`             // it runs the gates of edges that may lose
	NoRoot      bool          `json:"no_root,omitempty"` // it touches no files of its machine: artifacts alone
	Frames      []int         `json:"frames"`            // versions of frames that it takes
	Plans       []int         `json:"plans"`             // and of plans
	Key         []byte        `json:"key,omitempty"`     // public, to seal secrets to
	Jobs        int           `json:"jobs"`              // in hand
	Busy        int           `json:"busy"`              // frames that it computes
	Refused     []RefusedJob  `json:"refused,omitempty"`
	Draining    bool          `json:"draining,omitempty"` // it brings what it has to rest, and leaves
	Seen        time.Time     `json:"seen"`               // when it was heard last
	Lost        bool          `json:"lost,omitempty"`     // it was not heard for three of its beats: it is dropped in a moment
}

// KindVersion is a kind in a version of its behaviour.
type KindVersion struct {
	Kind    string `json:"kind"`
	Version int    `json:"version"`
}

// RefusedJob is a job that a worker leaves to others, whatever its kinds are.
type RefusedJob struct {
	Job recipe.JobID `json:"job"`
	Why string       `json:"why"`
}

// everyPool is the pool of a worker that serves those of all.
const everyPool = "*"

// InPool reports whether the worker serves steps of the pool; "" is the steps that name none,
// which everybody serves.
func (w *Worker) InPool(pool string) bool {
	return pool == "" || w.Pool == everyPool || w.Pool == pool
}

// Takes reports whether the worker takes plans and frames of these versions.
func (w *Worker) Takes(plan, frames int) bool {
	return slices.Contains(w.Plans, plan) && slices.Contains(w.Frames, frames)
}

// Has reports whether the worker serves the step's kind in the step's version, or is one that
// runs gates where it is a gate.
func (w *Worker) Has(s *recipe.Step) bool {
	if s.Role == recipe.RoleGate {
		return w.Gates
	}
	return slices.Contains(w.Kinds, KindVersion{s.Kind, s.Version})
}
