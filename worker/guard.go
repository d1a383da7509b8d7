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
			r.log.Error("node panicked", "step", step.Node, "kind", step.Kind, "err", p, "stack", string(debug.Stack()))
			err = nodes.Permanentf("the node panicked: %v", p)
		}
	}()
	return call()
}

// guard is that of the instance's job, for its step.
func (in *instance) guard(call func() error) error { return in.run.guard(in.step, call) }
