package files

import (
	"context"

	"sluice/coordinator/store"
	"sluice/recipe"
)

// UsedBy is Config.Using for the jobs of a project: those that are not at their end.
func UsedBy(jobs *store.Jobs) func(ctx context.Context, sha256 string) (recipe.JobID, error) {
	return func(_ context.Context, sha256 string) (recipe.JobID, error) {
		id, _ := jobs.Reading(sha256)
		return id, nil
	}
}
