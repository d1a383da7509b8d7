package api_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"sluice/coordinator"
	"sluice/coordinator/auth"
)

// beside are the operations that are no routes, and where they are asked for.
var beside = map[string]string{"submit-document": "the body of submit-job", "open-events": "the WebSocket", "show-metrics": "no part of /v1"}

// TestPermissions walks through every route of the API's own description as every role, and
// without a key: who is below the role of the table is refused, whatever is sent, and nobody else
// is for want of a role. A route that the table does not know is open to nobody, and the table has
// no row without a route.
func TestPermissions(t *testing.T) {
	d := newDesk(t)
	_, body := d.do("GET", "/v1/openapi.json", "")
	var doc struct {
		Paths map[string]map[string]struct {
			Operation string `json:"operationId"`
		} `json:"paths"`
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("{id}", "nosuchjob", "{name}", "nosuchname", "{kind}", "md5_hash", "{prefix}", "nosuchkey")
	walked := map[string]bool{}
	for path, methods := range doc.Paths {
		for method, o := range methods {
			if o.Operation == "open-events" { // no route: see below
				continue
			}
			row, found := auth.PermissionOf(o.Operation)
			if !found {
				t.Errorf("%s %s: operation %q is not in the table", method, path, o.Operation)
				continue
			}
			walked[o.Operation] = true
			for _, role := range append([]coordinator.Role{""}, coordinator.Roles...) {
				least := row.Least
				if row.Own != "" {
					least = row.Own
				}
				header := "Bearer " + d.keys[role]
				resp, body := d.do(strings.ToUpper(method), fill.Replace(path), "", "Authorization", header)
				refused := resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden
				if want := !role.Covers(least); refused != want {
					t.Errorf("%s %s as %q: got %d, refused %v, want %v: %.200s", method, path, role, resp.StatusCode, refused, want, body)
				}
			}
		}
	}
	for _, row := range auth.Permissions() {
		if !walked[row.Operation] && beside[row.Operation] == "" {
			t.Errorf("operation %q is in the table, and no route has it", row.Operation)
		}
	}
	for operation := range beside {
		if _, found := auth.PermissionOf(operation); !found || walked[operation] {
			t.Errorf("operation %q: got in the table %v, walked %v; want one that is there and no route of its own", operation, found, walked[operation])
		}
	}
	// The socket is no route: it is let past them.
	resp, body := d.do("GET", "/v1/events", "")
	problem(t, resp, body, http.StatusUpgradeRequired, coordinator.Invalid)
	resp, body = d.do("GET", "/v1/events", "", "Connection", "upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13")
	problem(t, resp, body, http.StatusUnauthorized, coordinator.Unnamed)
	// What is refused by what is in the request, and not by its route.
	for _, role := range coordinator.Roles {
		resp, body := d.do("POST", "/v1/jobs", `{"source":"recipe: a\nnodes:\n  n: {kind: integer_generator, config: {count: 1}}\n"}`, "Authorization", "Bearer "+d.keys[role])
		if want := role.Covers(coordinator.Author); (resp.StatusCode == http.StatusCreated) != want {
			t.Errorf("%s submits a document: got %d %.200s", role, resp.StatusCode, body)
		}
	}
	if !slices.ContainsFunc(auth.Permissions(), func(p auth.Permission) bool { return p.Operation == "submit-job" }) {
		t.Error("the table is not the one that is used")
	}
}
