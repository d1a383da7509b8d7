package worker

import (
	"context"
	"errors"
	"fmt"

	"sluice/internal/bus"
	"sluice/nodes"
	"sluice/recipe"
)

// Discard removes what the sinks of a job that will never go on have left unfinished
// here. None of its loops may run on this worker; it may be called several times.
func (w *Worker) Discard(ctx context.Context, rec bus.JobRecord) error {
	r := newJobRun(w, rec)
	r.learn(ctx)
	var faults []error
	for i := range r.plan.Steps {
		if step := &r.plan.Steps[i]; step.Sink {
			if err := r.discard(ctx, step); err != nil {
				faults = append(faults, fmt.Errorf("node %s: %s", step.Node, r.mask.hide(err.Error())))
			}
		}
	}
	return errors.Join(faults...)
}

func (r *jobRun) discard(ctx context.Context, step *recipe.Step) error {
	kind, ok := r.w.cfg.Catalogue.Lookup(step.Kind)
	if !ok || kind.Version != step.Version || r.w.cfg.Serves != nil && !r.w.cfg.Serves(step) {
		return nil
	}
	node, err := r.build(step, kind)
	if err != nil { // so it wrote nothing, and the job's end has told why
		r.log.Debug("nothing to remove of a node that can't be made", "step", step.Node, "err", err)
		return nil
	}
	if c, ok := node.(nodes.Closer); ok {
		defer c.Close()
	}
	if d, ok := node.(nodes.Discarder); ok {
		return d.Discard(ctx)
	}
	return nil
}
