package daemon

import (
	"context"
	"time"

	"sluice/coordinator"
	"sluice/internal/telemetry"
	"sluice/recipe"
)

// backlogWithin bounds the measuring of what waits.
const backlogWithin = 5 * time.Second

// measures are what the coordinator's metrics read. All is answered from memory, but for what
// waits, which is measured at most every few seconds.
func (c *Coordinator) measures() telemetry.Coordinator {
	return telemetry.Coordinator{
		Leads: func(yield func(project string, leads bool)) {
			for _, r := range c.rooms {
				yield(r.name, r.leads())
			}
		},
		Jobs: func(yield func(project, state string, jobs int)) {
			for _, r := range c.rooms {
				count := map[recipe.JobState]int{}
				r.Jobs.All(func(j coordinator.Job) bool { count[j.State]++; return true })
				for state, n := range count {
					yield(r.name, string(state), n)
				}
			}
		},
		Dropped: func(yield func(project string, events uint64)) {
			for _, r := range c.rooms {
				progress, others := r.Events.Dropped()
				yield(r.name, progress+others)
			}
		},
		Backlog: func(yield func(kind, pool, project string, frames int64)) {
			ctx, cancel := context.WithTimeout(context.Background(), backlogWithin)
			defer cancel()
			for _, r := range c.rooms {
				all, err := r.Fleet.Backlog(ctx)
				if err != nil {
					c.log.Debug("what waits was not measured", "project", r.name, "err", err)
				}
				for _, b := range all {
					yield(b.Kind, b.Pool, r.name, b.Frames)
				}
			}
		},
	}
}

// Ready reports whether the coordinator can prove keys, which takes the store of every project.
func (c *Coordinator) Ready(ctx context.Context) error { return c.auth.Confirm(ctx) }
