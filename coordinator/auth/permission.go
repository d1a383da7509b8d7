package auth

import (
	"slices"

	"sluice/coordinator"
)

// Permission says who may carry out an operation.
type Permission struct {
	Operation string
	Scope     coordinator.Scope // the one that a key with scopes must have for it, beside the role
	Least     coordinator.Role  // who has this role, or one that covers it, may
	Own       coordinator.Role  // who has this role may with what they own; "" where owning it changes nothing
}

// permissions is the whole table. What is not in it is refused to everybody.
var permissions = []Permission{
	// Kinds and recipes, looked at.
	{Operation: "list-kinds", Scope: "kinds:read", Least: coordinator.Viewer},
	{Operation: "show-kind", Scope: "kinds:read", Least: coordinator.Viewer},
	{Operation: "check-edge", Scope: "kinds:read", Least: coordinator.Viewer},
	{Operation: "check-recipe", Scope: "recipes:read", Least: coordinator.Viewer},
	{Operation: "plan-recipe", Scope: "recipes:read", Least: coordinator.Viewer},
	{Operation: "list-recipes", Scope: "recipes:read", Least: coordinator.Viewer},
	{Operation: "show-recipe", Scope: "recipes:read", Least: coordinator.Viewer},
	{Operation: "list-recipe-versions", Scope: "recipes:read", Least: coordinator.Viewer},
	{Operation: "diff-recipe", Scope: "recipes:read", Least: coordinator.Viewer},
	{Operation: "export-recipes", Scope: "recipes:read", Least: coordinator.Viewer},

	// Recipes, changed.
	{Operation: "save-recipe", Scope: "recipes:write", Least: coordinator.Author},
	{Operation: "delete-recipe", Scope: "recipes:write", Least: coordinator.Author},
	{Operation: "import-recipes", Scope: "recipes:write", Least: coordinator.Author},

	// Jobs, looked at.
	{Operation: "list-jobs", Scope: "jobs:read", Least: coordinator.Viewer},
	{Operation: "show-job", Scope: "jobs:read", Least: coordinator.Viewer},
	{Operation: "show-job-plan", Scope: "jobs:read", Least: coordinator.Viewer},
	{Operation: "show-job-recipe", Scope: "jobs:read", Least: coordinator.Viewer},
	{Operation: "list-job-events", Scope: "events:read", Least: coordinator.Viewer},
	{Operation: "show-results", Scope: "results:read", Least: coordinator.Viewer},
	{Operation: "tap-edge", Scope: "results:read", Least: coordinator.Viewer},
	{Operation: "list-artifacts", Scope: "artifacts:read", Least: coordinator.Viewer},
	{Operation: "show-artifact", Scope: "artifacts:read", Least: coordinator.Viewer},
	{Operation: "download-artifact", Scope: "artifacts:read", Least: coordinator.Viewer},
	{Operation: "list-dead", Scope: "dead:read", Least: coordinator.Viewer},
	{Operation: "show-dead", Scope: "dead:read", Least: coordinator.Viewer},

	// Jobs, run. submit-job is a saved recipe's; submit-document that of one sent along.
	{Operation: "submit-job", Scope: "jobs:write", Least: coordinator.Operator},
	{Operation: "submit-document", Scope: "jobs:write", Least: coordinator.Author},
	{Operation: "pause-job", Scope: "jobs:write", Least: coordinator.Operator},
	{Operation: "resume-job", Scope: "jobs:write", Least: coordinator.Operator},
	{Operation: "stop-job", Scope: "jobs:write", Least: coordinator.Operator},
	{Operation: "drain-job", Scope: "jobs:write", Least: coordinator.Operator},
	{Operation: "cancel-job", Scope: "jobs:write", Least: coordinator.Operator},
	{Operation: "retry-job", Scope: "jobs:write", Least: coordinator.Operator},
	{Operation: "replay-dead", Scope: "dead:write", Least: coordinator.Operator},
	{Operation: "delete-job", Scope: "jobs:write", Least: coordinator.Admin, Own: coordinator.Author},
	{Operation: "purge-dead", Scope: "dead:write", Least: coordinator.Admin, Own: coordinator.Author},

	// Files that jobs read. An upload is looked at by who makes it.
	{Operation: "create-upload", Scope: "artifacts:write", Least: coordinator.Author},
	{Operation: "show-upload", Scope: "artifacts:write", Least: coordinator.Author},
	{Operation: "append-upload", Scope: "artifacts:write", Least: coordinator.Author},
	{Operation: "finish-upload", Scope: "artifacts:write", Least: coordinator.Author},
	{Operation: "delete-upload", Scope: "artifacts:write", Least: coordinator.Author},
	{Operation: "delete-artifact", Scope: "artifacts:write", Least: coordinator.Admin, Own: coordinator.Author},

	// Secrets. Nobody reads a value.
	{Operation: "list-secrets", Scope: "secrets:read", Least: coordinator.Author},
	{Operation: "show-secret", Scope: "secrets:read", Least: coordinator.Author},
	{Operation: "set-secret", Scope: "secrets:write", Least: coordinator.Author},
	{Operation: "delete-secret", Scope: "secrets:write", Least: coordinator.Author},

	// The cluster, and oneself. Whoever has a ticket sees events, and nothing else.
	{Operation: "list-workers", Scope: "workers:read", Least: coordinator.Viewer},
	{Operation: "show-worker", Scope: "workers:read", Least: coordinator.Viewer},
	{Operation: "show-self", Scope: "self:read", Least: coordinator.Viewer},
	{Operation: "show-metrics", Scope: "metrics:read", Least: coordinator.Viewer},
	{Operation: "create-ticket", Scope: "events:read", Least: coordinator.Viewer},
	{Operation: "open-events", Scope: "events:read", Least: coordinator.Viewer},

	// Administration.
	{Operation: "list-keys", Scope: "keys:read", Least: coordinator.Admin},
	{Operation: "show-key", Scope: "keys:read", Least: coordinator.Admin},
	{Operation: "create-key", Scope: "keys:write", Least: coordinator.Admin},
	{Operation: "revoke-key", Scope: "keys:write", Least: coordinator.Admin},
	{Operation: "list-audit", Scope: "audit:read", Least: coordinator.Admin},
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

// Scopes returns the scopes that there are, by name: those of the table.
func Scopes() []coordinator.Scope {
	var all []coordinator.Scope
	for _, row := range permissions {
		all = append(all, row.Scope)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// May reports whether a principal may carry out an operation on a thing of an owner; owner is
// "" where there is none, or where it is not known yet. The fault is coordinator.Forbidden and
// names the role, or the scope, that is needed. That the thing is of the principal's project is the caller's
// to see to: it opens that project's store only.
func May(p coordinator.Principal, operation, owner string) error {
	row, ok := PermissionOf(operation)
	switch {
	case !ok:
		return coordinator.Faultf(coordinator.Forbidden, "operation %s is allowed to nobody", operation)
	case p.Name == "":
		return coordinator.Faultf(coordinator.Unnamed, "operation %s: who asks is not known", operation)
	case p.Role.Covers(row.Least), row.Own != "" && owner == p.Name && p.Role.Covers(row.Own):
		return within(&p, &row)
	case row.Own != "":
		return coordinator.Faultf(coordinator.Forbidden, "this needs role %s, or %s for what one owns; yours is %s (operation %s)", row.Least, row.Own, p.Role, operation)
	}
	return coordinator.Faultf(coordinator.Forbidden, "this needs role %s; yours is %s (operation %s)", row.Least, p.Role, operation)
}

// MayOwn reports whether a principal may carry out an operation on a thing that is its own: what
// can be told before the thing is looked up.
func MayOwn(p coordinator.Principal, operation string) error { return May(p, operation, p.Name) }
