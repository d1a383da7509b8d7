package files

import (
	"bytes"
	"context"

	"sluice/coordinator/store"
	"sluice/recipe"
)

// Reads reports whether a step of a plan names the content with that digest.
func Reads(plan *recipe.Plan, sha256 string) bool {
	for i := range plan.Steps {
		if bytes.Contains(plan.Steps[i].Config, []byte("artifact:"+sha256+"/")) {
			return true
		}
	}
	return false
}

// UsedBy is Config.Using for the jobs of a project: those that are not at their end.
func UsedBy(jobs *store.Jobs) func(ctx context.Context, sha256 string) (recipe.JobID, error) {
	return func(_ context.Context, sha256 string) (recipe.JobID, error) {
		id, _ := jobs.Reading(sha256)
		return id, nil
	}
}
