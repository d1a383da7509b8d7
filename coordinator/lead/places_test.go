package lead_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"sluice/coordinator"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// absent says which recipes workers are missing for.
type absent struct {
	mu    sync.Mutex
	names map[string]bool
}

func (a *absent) set(name string, is bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.names[name] = is
}

func (a *absent) missing(p *recipe.Plan) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.names[p.Recipe] {
		return "no worker serves " + p.Recipe
	}
	return ""
}

func named(name, delay string) string {
	return strings.Replace(fmt.Sprintf(upper, delay, name), "recipe: upper", "recipe: "+name, 1)
}

func waits(why string) func(coordinator.Job) bool {
	return func(j coordinator.Job) bool { return j.State == recipe.JobPending && strings.Contains(j.Waiting, why) }
}

// TestPlaces has one place: jobs that workers are missing for do not have it, before they run or
// in the middle, and of others one runs at a time.
func TestPlaces(t *testing.T) {
	c := newCluster(t)
	c.most = 1
	c.worker()
	a := &absent{names: map[string]bool{"never": true, "later": true}}
	s := c.seat(a.missing)
	c.write("in", 60)
	for _, name := range []string{"never", "later"} {
		c.submit(s, name, named(name, "0s"))
		c.until(s, recipe.JobID(name), "waits for workers", waits("no worker serves "+name))
	}
	c.submit(s, "slow", named("slow", "100ms"))
	c.until(s, "slow", "runs beside those", in(recipe.JobRunning))
	c.submit(s, "next", named("next", "100ms"))
	c.until(s, "next", "waits for its turn", waits("waits for its turn: 1 jobs run"))
	a.set("later", false)
	s.leader.Nudge()
	c.until(s, "later", "waits for its turn, now that there are workers", waits("waits for its turn"))

	a.set("slow", true) // its workers leave in the middle
	s.leader.Nudge()
	bustest.Eventually(t, "another has its place", func() bool {
		for _, id := range []recipe.JobID{"next", "later"} {
			if j, err := s.jobs.Job(id); err == nil && j.State != recipe.JobPending {
				return true
			}
		}
		return false
	})
	if j, err := s.jobs.Job("slow"); err != nil || j.State != recipe.JobRunning {
		t.Errorf("the job that has no place: got %s, %v", j.State, err)
	}
	a.set("slow", false)
	for _, id := range []recipe.JobID{"slow", "next", "later"} {
		c.until(s, id, "has succeeded", in(recipe.JobSucceeded))
	}
	a.set("never", false)
	s.leader.Nudge()
	c.until(s, "never", "has succeeded", in(recipe.JobSucceeded))
}
