package files

import (
	"bytes"
	"context"

	"sluice/coordinator"
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

// UsedBy is Config.Using for the jobs of a project: it reads the plans of all that are not at
// their end.
func UsedBy(jobs *store.Jobs) func(ctx context.Context, sha256 string) (recipe.JobID, error) {
	return func(ctx context.Context, sha256 string) (recipe.JobID, error) {
		var open []recipe.JobID
		jobs.All(func(j coordinator.Job) bool {
			if !j.State.Final() {
				open = append(open, j.ID)
			}
			return true
		})
		for _, id := range open {
			spec, err := jobs.Spec(ctx, id)
			switch {
			case coordinator.FamilyOf(err) == coordinator.Unknown: // deleted meanwhile
			case err != nil:
				return "", err
			case Reads(spec.Plan, sha256):
				return id, nil
			}
		}
		return "", nil
	}
}
