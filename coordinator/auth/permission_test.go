package auth_test

import (
	"regexp"
	"testing"

	"sluice/coordinator"
	"sluice/coordinator/auth"
)

// TestPermissions walks the table as every role, and what is not in it.
func TestPermissions(t *testing.T) {
	name := regexp.MustCompile(`^[a-z]+(-[a-z]+)+$`)
	scope := regexp.MustCompile(`^[a-z]+:(read|write)$`)
	seen := map[string]bool{}
	for _, row := range auth.Permissions() {
		if !name.MatchString(row.Operation) || seen[row.Operation] {
			t.Errorf("%q is no name, or twice in the table", row.Operation)
		}
		seen[row.Operation] = true
		if !scope.MatchString(string(row.Scope)) {
			t.Errorf("%s: scope %q is none", row.Operation, row.Scope)
		}
		if row.Own != "" && row.Own.Covers(row.Least) {
			t.Errorf("%s: owning something allows nothing more", row.Operation)
		}
		for _, role := range append([]coordinator.Role{"", "root"}, coordinator.Roles...) {
			p := coordinator.Principal{Name: "ann", Role: role}
			least := role.Covers(row.Least)
			own := least || row.Own != "" && role.Covers(row.Own)
			for owner, want := range map[string]bool{"": least, "bob": least, "ann": own} {
				err := auth.May(p, row.Operation, owner)
				if (err == nil) != want || err != nil && coordinator.FamilyOf(err) != coordinator.Forbidden {
					t.Errorf("%s as %q with a thing of %q: got %v, want allowed %v", row.Operation, role, owner, err, want)
				}
			}
			for _, scope := range append(auth.Scopes(), "", "jobs", "jobs:read ", "*") {
				p := p
				p.Scopes = []coordinator.Scope{scope}
				if got, want := auth.MayOwn(p, row.Operation) == nil, own && scope == row.Scope; got != want {
					t.Errorf("%s as %q with scope %q: got %v, want %v", row.Operation, role, scope, got, want)
				}
			}
			if got := auth.MayOwn(p, row.Operation) == nil; got != own {
				t.Errorf("%s as %q with what is its own: got %v, want %v", row.Operation, role, got, own)
			}
		}
	}
	for _, op := range []string{"", "list-jobs ", "drop-everything"} {
		family(t, op, auth.May(coordinator.Principal{Name: "ann", Role: coordinator.Admin}, op, "ann"), coordinator.Forbidden)
	}
	family(t, "nobody", auth.May(coordinator.Principal{Role: coordinator.Admin}, "list-jobs", ""), coordinator.Unnamed)
}

// TestRoles holds the rows by which roles differ to what the issue says.
func TestRoles(t *testing.T) {
	for op, want := range map[string]coordinator.Role{
		"list-jobs": coordinator.Viewer, "show-results": coordinator.Viewer, "download-artifact": coordinator.Viewer, "plan-recipe": coordinator.Viewer,
		"submit-job": coordinator.Operator, "stop-job": coordinator.Operator, "replay-dead": coordinator.Operator, "retry-job": coordinator.Operator,
		"submit-document": coordinator.Author, "save-recipe": coordinator.Author, "set-secret": coordinator.Author, "create-upload": coordinator.Author,
		"create-key": coordinator.Admin, "revoke-key": coordinator.Admin, "list-audit": coordinator.Admin, "delete-job": coordinator.Admin,
	} {
		if row, ok := auth.PermissionOf(op); !ok || row.Least != want {
			t.Errorf("%s: got %q, want %q", op, row.Least, want)
		}
	}
}
