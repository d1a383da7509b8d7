package files

import (
	"context"
	"slices"
	"sync"

	"sluice/coordinator"
	"sluice/coordinator/store"
	"sluice/recipe"
)

// readers knows what the jobs read that are not at their end. What one reads is looked up once:
// a spec never changes.
type readers struct {
	jobs   *store.Jobs
	naming func(sha256 string) string

	mu    sync.Mutex
	reads map[recipe.JobID][]string // digests; guarded by mu
}

// UsedBy is Config.Using for the jobs of a project, and for its saved recipes: naming returns one
// that names a digest, "" for none; nil knows of none. It reads the plans of all jobs that are not
// at their end, each once.
func UsedBy(jobs *store.Jobs, naming func(sha256 string) string) func(ctx context.Context, sha256 string) (why string, err error) {
	r := &readers{jobs: jobs, naming: naming, reads: map[recipe.JobID][]string{}}
	return r.using
}

func (r *readers) using(ctx context.Context, sha256 string) (why string, err error) {
	if r.naming != nil {
		if name := r.naming(sha256); name != "" {
			return "is named by the saved recipe " + name + ": it can be deleted when that version is", nil
		}
	}
	open := map[recipe.JobID]bool{}
	r.jobs.All(func(j coordinator.Job) bool {
		if !j.State.Final() {
			open[j.ID] = true
		}
		return true
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := range r.reads {
		if !open[id] {
			delete(r.reads, id)
		}
	}
	for id := range open {
		all, known := r.reads[id]
		if !known {
			spec, err := r.jobs.Spec(ctx, id)
			if coordinator.FamilyOf(err) == coordinator.Unknown {
				continue // deleted meanwhile
			}
			if err != nil {
				return "", err
			}
			all = reads(spec.Plan)
			r.reads[id] = all
		}
		if slices.Contains(all, sha256) {
			return "is read by job " + string(id) + ": it can be deleted when that is at its end", nil
		}
	}
	return "", nil
}

// reads returns the digests of the contents that the steps of a plan name.
func reads(plan *recipe.Plan) (all []string) {
	for i := range plan.Steps {
		all = append(all, coordinator.ArtifactsIn(string(plan.Steps[i].Config))...)
	}
	return all
}
