package job

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"sluice/internal/bus"
	"sluice/recipe"
)

// lostAfter is how long nothing has moved before the watchdog looks for a lost frame.
const lostAfter = 5 * time.Second

// stoodStill is how long this process has not looked at least when it is taken to have been stopped
// itself: then it has not seen what moved.
const stoodStill = time.Second

// alive takes a worker's sign. That it is at a source is none of progress: a source may
// wait for its input for as long as it likes, and a frame that nobody takes does not move.
func (r *run) alive(data []byte) {
	var s bus.Sign
	if json.Unmarshal(data, &s) != nil || s.Run != r.rec.Generation {
		return
	}
	if r.here[s.Worker] = true; s.Left {
		delete(r.here, s.Worker)
	}
	now := time.Now()
	if s.Busy {
		r.moved = now
	}
	for _, step := range s.Sources {
		r.read[step] = now
	}
}

// watchdog fails a job that has not moved for long, and names where it waits. Where what it
// waits for can't come any more, it does not wait that long.
func (r *run) watchdog(ctx context.Context) {
	stall, now := orDefault(r.cfg.Stall, defaultStall), time.Now()
	if r.cfg.Idle != nil && r.cfg.Idle() || now.Sub(r.watched) > max(stall/2, stoodStill) {
		r.idle = now
	}
	r.watched = now
	still := min(time.Since(r.moved), time.Since(r.idle))
	if still < min(lostAfter, stall) {
		return
	}
	edge, ord, missing := r.acct.Missing()
	if !missing {
		r.unread(stall)
		return
	}
	if still > lostAfter && time.Since(r.sought) >= max(lostAfter, still/2) {
		r.seek(ctx)
	}
	if r.reason == "" && still > stall {
		to := &r.plan.Steps[r.plan.Edge(edge).To]
		r.reason = fmt.Sprintf("%s makes no progress: nothing has moved for %s, and frame %s waits to be taken; %s",
			r.edgeName(edge), still.Round(time.Second), ord, whoServes(to))
	}
}

// edgeName names an edge and its ends.
func (r *run) edgeName(id recipe.EdgeID) string {
	e := r.plan.Edge(id)
	return fmt.Sprintf("edge %s (%s to %s)", id, r.plan.Steps[e.From].Node, r.plan.Steps[e.To].Node)
}

// unread fails a job that waits for a source to which no worker has come for long.
func (r *run) unread(stall time.Duration) {
	for i := range r.plan.Steps {
		s := &r.plan.Steps[i]
		if s.Role != recipe.RoleSource || r.acct.SplitsDone(i) {
			continue
		}
		last := r.read[i]
		for _, t := range []time.Time{r.began, r.idle} {
			if last.Before(t) {
				last = t
			}
		}
		if still := time.Since(last); still > stall {
			r.reason = fmt.Sprintf("source %s makes no progress: no worker has read it for %s; %s", s.Node, still.Round(time.Second), whoServes(s))
			return
		}
	}
}

func whoServes(s *recipe.Step) string {
	if s.Pool != "" {
		return fmt.Sprintf("is a worker of pool %s running that serves kind %s?", s.Pool, s.Kind)
	}
	return fmt.Sprintf("is a worker running that serves kind %s?", s.Kind)
}
