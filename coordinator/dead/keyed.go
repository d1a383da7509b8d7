package dead

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"

	"sluice/coordinator"
	"sluice/recipe"
)

// id is that of the job which replays the letters of a step: random, or with a key made of who
// asks for what, so that it is the same when the request comes again.
func (r *Replaying) id(step int) recipe.JobID {
	if r.Key == "" {
		return recipe.JobID(strings.ToLower(rand.Text()[:16]))
	}
	return coordinator.KeyedID("replay", string(r.Job), r.Owner, r.Key, strconv.Itoa(step))
}

// body is the digest of what is asked for, "" without a key.
func (r *Replaying) body() string {
	if r.Key == "" {
		return ""
	}
	asks := *r
	asks.Owner, asks.Key = "", ""
	b, _ := json.Marshal(asks) // texts always encode
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// before finds the jobs that this request has made when it came before.
func (p *replaying) before(ctx context.Context) error {
	p.had = map[recipe.JobID]bool{}
	if p.Key == "" || len(p.store.jobs) == 0 {
		return nil
	}
	for step := range p.store.jobs[0].Plan.Steps {
		spec, err := p.box.cfg.Jobs.Keyed(ctx, p.id(step))
		switch {
		case err != nil:
			return err
		case spec == nil:
			continue
		case spec.Body != p.body():
			return coordinator.Faultf(coordinator.Conflict, "the idempotency key was used for another replay, job %s", spec.Job)
		}
		job, again, err := p.box.cfg.Jobs.Submit(ctx, spec) // makes nothing, and waits until it is seen here
		if err == nil && again {
			job, _, err = p.box.cfg.Stay(ctx, spec)
		}
		if err != nil {
			return err
		}
		p.had[job.ID] = true
		p.made.Jobs = append(p.made.Jobs, job)
	}
	return nil
}
