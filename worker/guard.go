package worker

import (
	"runtime/debug"

	"sluice/nodes"
	"sluice/recipe"
)

// guard calls into a node and makes an error of a panic. Every call into a kind's code goes
// through it: a panic ends at most that kind's job.
func (r *jobRun) guard(step *recipe.Step, call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = nodes.Permanentf("the node panicked: %v", p)
			r.log.Error("node panicked", "step", step.Node, "kind", step.Kind, "err", r.withhold(err), "stack", string(debug.Stack()))
		}
	}()
	return call()
}

// guard is that of the instance's job, for its step.
func (in *instance) guard(call func() error) error { return in.run.guardRecords(in.step, call) }

// guardRecords is guard for what sees records, or a state made of them: what a node says of
// them is withheld where they may hold what this worker can't hide.
func (r *jobRun) guardRecords(step *recipe.Step, call func() error) error {
	return r.withhold(r.guard(step, call))
}

// withhold takes the words from an error that may quote the value of a secret which is not
// known here.
func (r *jobRun) withhold(err error) error {
	if err == nil || len(r.unsaid) == 0 {
		return err
	}
	return &withheld{err, r.unsaid[0]}
}

// withheld is an error that still is what it was, but does not say it.
type withheld struct {
	err    error
	secret string
}

// Error implements error.
func (w *withheld) Error() string {
	return "the reason is withheld: it may quote secret " + w.secret + " of the job, whose value this worker does not have"
}

// Unwrap returns what it is.
func (w *withheld) Unwrap() error { return w.err }
