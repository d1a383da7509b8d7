package files

import (
	"context"

	"sluice/coordinator/store"
)

// UsedBy is Config.Using for the jobs of a project that are not at their end, and for its saved
// recipes: naming returns one that names a digest, "" for none; nil knows of none.
func UsedBy(jobs *store.Jobs, naming func(sha256 string) string) func(ctx context.Context, sha256 string) (why string, err error) {
	return func(_ context.Context, sha256 string) (why string, err error) {
		if naming != nil {
			if name := naming(sha256); name != "" {
				return "is named by the saved recipe " + name + ": it can be deleted when that version is", nil
			}
		}
		if id, found := jobs.Reading(sha256); found {
			return "is read by job " + string(id) + ": it can be deleted when that is at its end", nil
		}
		return "", nil
	}
}
