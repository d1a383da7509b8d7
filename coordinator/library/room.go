package library

import (
	"context"

	"sluice/coordinator"
	"sluice/recipe"
)

// room refuses a plan whose edges, full of full frames, could hold more than the account may store,
// or than it has left: the fault is coordinator.OverLimit. Jobs that are there already count with
// what they hold now.
func (l *Library) room(ctx context.Context, plan *recipe.Plan) error {
	if l.cfg.Room == nil {
		return nil
	}
	most, used, err := l.cfg.Room(ctx)
	if err != nil {
		return coordinator.Faultf(coordinator.Unavailable, "the store does not answer: %w", err)
	}
	need := int64(0)
	for i := range plan.Edges {
		need += int64(plan.Edges[i].Capacity) * int64(plan.Frame.Bytes)
	}
	var f *coordinator.Fault
	switch {
	case most <= 0 || need <= most-used:
		return nil
	case need > most:
		f = coordinator.Faultf(coordinator.OverLimit, "the edges of the recipe could hold %d MiB together (capacity × frame size), and the project may store %d MiB", need>>20, most>>20)
		f.Hint = "lower the capacity of edges"
	default:
		f = coordinator.Faultf(coordinator.OverLimit, "the edges of the recipe could hold %d MiB together (capacity × frame size), and of the %d MiB that the project may store %d MiB are left", need>>20, most>>20, max(0, most-used)>>20)
		f.Hint = "delete jobs and artifacts that are not needed, or lower the capacity of edges"
	}
	return f
}
