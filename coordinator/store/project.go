package store

import (
	"context"

	"sluice/coordinator"
)

// owner says whose control plane this is.
type owner struct {
	Name string `json:"name"`
}

// ownerKey is the one record of the table of owners.
const ownerKey = "name"

// Claim writes down the name of the project whose control plane this is, where it has none yet;
// of several at once the first one's counts. Where it has another name the fault is
// coordinator.Conflict: what is stored here is that project's, and its alone. It is called behind
// Follow, at each start.
func (c *Control) Claim(ctx context.Context, project string) error {
	t := NewTable[owner](c, "project")
	is, _, err := t.Read(ctx, ownerKey)
	if coordinator.FamilyOf(err) == coordinator.Unknown {
		_, err = t.Create(ctx, ownerKey, &owner{Name: project})
		if coordinator.FamilyOf(err) != coordinator.Changed { // by another that starts now
			return err
		}
		is, _, err = t.Read(ctx, ownerKey)
	}
	if err != nil {
		return err
	}
	if is.Name != project {
		f := coordinator.Faultf(coordinator.Conflict, "project %s: what is stored with these credentials is project %s, and a project keeps its name", project, is.Name)
		f.Hint = "name it " + is.Name + ", or give project " + project + " credentials of its own: sluice nats setup DIR --project " + project + " makes them"
		return f
	}
	return nil
}
