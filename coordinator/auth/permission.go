package auth

import (
	"slices"

	"sluice/coordinator"
)

// Permission says who may carry out an operation.
type Permission struct {
	Operation string
	Least     coordinator.Role // who has this role, or one that covers it, may
	Own       coordinator.Role // who has this role may with what they own; "" where owning it changes nothing
}

// permissions is the whole table. What is not in it is refused to everybody.
var permissions = []Permission{
	// Kinds and recipes, looked at.
	{Operation: "list-kinds", Least: coordinator.Viewer},
	{Operation: "show-kind", Least: coordinator.Viewer},
	{Operation: "check-edge", Least: coordinator.Viewer},
	{Operation: "check-recipe", Least: coordinator.Viewer},
	{Operation: "plan-recipe", Least: coordinator.Viewer},
	{Operation: "list-recipes", Least: coordinator.Viewer},
	{Operation: "show-recipe", Least: coordinator.Viewer},
	{Operation: "list-recipe-versions", Least: coordinator.Viewer},
	{Operation: "diff-recipe", Least: coordinator.Viewer},
	{Operation: "export-recipes", Least: coordinator.Viewer},

	// Recipes, changed.
	{Operation: "save-recipe", Least: coordinator.Author},
	{Operation: "delete-recipe", Least: coordinator.Author},
	{Operation: "import-recipes", Least: coordinator.Author},

	// Jobs, looked at.
	{Operation: "list-jobs", Least: coordinator.Viewer},
	{Operation: "show-job", Least: coordinator.Viewer},
	{Operation: "show-job-plan", Least: coordinator.Viewer},
	{Operation: "show-job-recipe", Least: coordinator.Viewer},
	{Operation: "list-job-events", Least: coordinator.Viewer},
	{Operation: "show-results", Least: coordinator.Viewer},
	{Operation: "tap-edge", Least: coordinator.Viewer},
	{Operation: "list-artifacts", Least: coordinator.Viewer},
	{Operation: "show-artifact", Least: coordinator.Viewer},
	{Operation: "download-artifact", Least: coordinator.Viewer},
	{Operation: "list-dead", Least: coordinator.Viewer},
	{Operation: "show-dead", Least: coordinator.Viewer},

	// Jobs, run. submit-job is a saved recipe's; submit-document that of one sent along.
	{Operation: "submit-job", Least: coordinator.Operator},
	{Operation: "submit-document", Least: coordinator.Author},
	{Operation: "pause-job", Least: coordinator.Operator},
	{Operation: "resume-job", Least: coordinator.Operator},
	{Operation: "stop-job", Least: coordinator.Operator},
	{Operation: "drain-job", Least: coordinator.Operator},
	{Operation: "cancel-job", Least: coordinator.Operator},
	{Operation: "retry-job", Least: coordinator.Operator},
	{Operation: "replay-dead", Least: coordinator.Operator},
	{Operation: "delete-job", Least: coordinator.Admin, Own: coordinator.Author},
	{Operation: "purge-dead", Least: coordinator.Admin, Own: coordinator.Author},

	// Files that jobs read.
	{Operation: "create-upload", Least: coordinator.Author},
	{Operation: "show-upload", Least: coordinator.Author},
	{Operation: "append-upload", Least: coordinator.Author},
	{Operation: "finish-upload", Least: coordinator.Author},
	{Operation: "delete-upload", Least: coordinator.Author},
	{Operation: "delete-artifact", Least: coordinator.Admin, Own: coordinator.Author},

	// Secrets. Nobody reads a value.
	{Operation: "list-secrets", Least: coordinator.Author},
	{Operation: "show-secret", Least: coordinator.Author},
	{Operation: "set-secret", Least: coordinator.Author},
	{Operation: "delete-secret", Least: coordinator.Author},

	// The cluster, and oneself.
	{Operation: "list-workers", Least: coordinator.Viewer},
	{Operation: "show-worker", Least: coordinator.Viewer},
	{Operation: "show-self", Least: coordinator.Viewer},
	{Operation: "show-metrics", Least: coordinator.Viewer},
	{Operation: "create-ticket", Least: coordinator.Viewer},
	{Operation: "open-events", Least: coordinator.Viewer},

	// Administration.
	{Operation: "list-keys", Least: coordinator.Admin},
	{Operation: "show-key", Least: coordinator.Admin},
	{Operation: "create-key", Least: coordinator.Admin},
	{Operation: "revoke-key", Least: coordinator.Admin},
	{Operation: "list-audit", Least: coordinator.Admin},
}

// Permissions returns the whole table, in an order that reads well.
func Permissions() []Permission { return slices.Clone(permissions) }

// PermissionOf returns the row of an operation.
func PermissionOf(operation string) (Permission, bool) {
	i := slices.IndexFunc(permissions, func(p Permission) bool { return p.Operation == operation })
	if i < 0 {
		return Permission{}, false
	}
	return permissions[i], true
}

// May reports whether a principal may carry out an operation on a thing of an owner; owner is
// "" where there is none, or where it is not known yet. The fault is coordinator.Forbidden and
// names the role that is needed. That the thing is of the principal's project is the caller's
// to see to: it opens that project's store only.
func May(p coordinator.Principal, operation, owner string) error {
	row, ok := PermissionOf(operation)
	switch {
	case !ok:
		return coordinator.Faultf(coordinator.Forbidden, "operation %s is allowed to nobody", operation)
	case p.Name == "":
		return coordinator.Faultf(coordinator.Unnamed, "operation %s: who asks is not known", operation)
	case p.Role.Covers(row.Least):
		return nil
	case row.Own != "" && owner == p.Name && p.Role.Covers(row.Own):
		return nil
	case row.Own != "":
		return coordinator.Faultf(coordinator.Forbidden, "this needs role %s, or %s for what one owns; yours is %s (operation %s)", row.Least, row.Own, p.Role, operation)
	}
	return coordinator.Faultf(coordinator.Forbidden, "this needs role %s; yours is %s (operation %s)", row.Least, p.Role, operation)
}

// MayOwn reports whether a principal may carry out an operation on a thing that is its own: what
// can be told before the thing is looked up.
func MayOwn(p coordinator.Principal, operation string) error { return May(p, operation, p.Name) }
