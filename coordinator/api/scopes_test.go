package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"sluice/coordinator"
	"sluice/coordinator/auth"
)

// scoped makes a key of role admin with some scopes, and returns it with its token.
func (d *desk) scoped(maker string, scopes ...coordinator.Scope) (key coordinator.Key, token string) {
	d.t.Helper()
	b, err := json.Marshal(map[string]any{"name": "narrow", "role": "admin", "scopes": scopes})
	if err != nil {
		d.t.Fatal(err)
	}
	resp, body := d.do("POST", "/v1/keys", string(b), "Authorization", "Bearer "+maker)
	var made struct {
		coordinator.Key
		Token string `json:"token"`
	}
	if err := json.Unmarshal([]byte(body), &made); err != nil || resp.StatusCode != http.StatusCreated {
		d.t.Fatalf("got %d %s", resp.StatusCode, body)
	}
	return made.Key, made.Token
}

// TestScopes walks through every route of the API's own description with an admin's key of every
// single scope: the routes of that scope are open to it, and no other; who is refused is told which
// scope is missing.
func TestScopes(t *testing.T) {
	d := newDesk(t, unlimited, withSecrets(t))
	_, body := d.do("GET", "/v1/openapi.json", "")
	var doc description
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("{id}", "nosuchjob", "{name}", "nosuchname", "{kind}", "md5_hash", "{prefix}", "nosuchkey", "{secret}", "nosuch", "{letter}", "nosuch")
	metrics := &operation{ID: "show-metrics", method: "GET", path: "/metrics"} // it is in no description
	open := map[coordinator.Scope]int{}
	for _, scope := range auth.Scopes() {
		key, token := d.scoped(d.keys[coordinator.Admin], scope)
		if !slices.Equal(key.Scopes, []coordinator.Scope{scope}) {
			t.Errorf("the key has %v, want %s", key.Scopes, scope)
		}
		for _, o := range append(doc.operations(), metrics) {
			row, found := auth.PermissionOf(o.ID)
			if !found || row.Scope == "" {
				t.Errorf("%s has no scope", o.ID)
			}
			resp, body := d.do(o.method, fill.Replace(o.path), "", "Authorization", "Bearer "+token)
			if resp.StatusCode != http.StatusForbidden {
				open[scope]++
			}
			switch {
			case resp.StatusCode == http.StatusUnauthorized, (resp.StatusCode != http.StatusForbidden) != (row.Scope == scope):
				t.Errorf("%s with scope %s: got %d, and it needs %s: %.200s", o.ID, scope, resp.StatusCode, row.Scope, body)
			case resp.StatusCode == http.StatusForbidden:
				if p := problem(t, resp, body, http.StatusForbidden, coordinator.Forbidden); !strings.Contains(p.Detail, "scope "+string(row.Scope)) {
					t.Errorf("%s: %q does not name scope %s", o.ID, p.Detail, row.Scope)
				}
			}
		}
		if open[scope] == 0 {
			t.Errorf("scope %s opens nothing", scope)
		}
	}
}

// TestScopesOfKeys shows that scopes narrow a role and widen none, that a key with scopes makes none
// with more, and what is said of scopes that there are not.
func TestScopesOfKeys(t *testing.T) {
	d := newDesk(t, unlimited)
	admin := d.keys[coordinator.Admin]
	create := func(key, body string) (*http.Response, string) {
		return d.do("POST", "/v1/keys", body, "Authorization", "Bearer "+key)
	}
	resp, body := create(admin, `{"name":"bob","role":"viewer","scopes":["jobs:read","jobs:sleep"]}`)
	p := problem(t, resp, body, http.StatusUnprocessableEntity, coordinator.Invalid)
	for _, scope := range auth.Scopes() {
		if !strings.Contains(p.Detail+p.Hint, string(scope)) {
			t.Errorf("%q, %q: %s is missing", p.Detail, p.Hint, scope)
		}
	}
	if resp, _ := create(admin, `{"name":"bob","role":"viewer","scopes":null}`); resp.StatusCode != 422 {
		t.Errorf("scopes of null: got %d", resp.StatusCode)
	}
	resp, body = create(admin, `{"name":"bob","role":"viewer","scopes":[]}`)
	problem(t, resp, body, http.StatusUnprocessableEntity, coordinator.Invalid)

	resp, body = create(admin, `{"name":"bob","role":"viewer","scopes":["jobs:write","jobs:read","jobs:read"]}`)
	var made struct{ Prefix, Token string }
	if err := json.Unmarshal([]byte(body), &made); err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatalf("got %d %s", resp.StatusCode, body)
	}
	for _, path := range []string{"/v1/keys", "/v1/keys/" + made.Prefix} {
		if _, body := d.do("GET", path, "", "Authorization", "Bearer "+admin); !strings.Contains(body, `"scopes":["jobs:read","jobs:write"]`) {
			t.Errorf("%s: no scopes in %s", path, body)
		}
	}
	resp, body = d.do("POST", "/v1/jobs", `{"recipe":"a"}`, "Authorization", "Bearer "+made.Token)
	if p := problem(t, resp, body, http.StatusForbidden, coordinator.Forbidden); !strings.Contains(p.Detail, "role operator") {
		t.Errorf("a viewer with jobs:write: %q", p.Detail)
	}
	if resp, body := d.do("GET", "/v1/jobs", "", "Authorization", "Bearer "+made.Token); resp.StatusCode != http.StatusOK {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}

	_, narrow := d.scoped(admin, "keys:write", "jobs:read", "self:read")
	for scopes, want := range map[string]int{"": 403, `,"scopes":["jobs:read","secrets:read"]`: 403, `,"scopes":["jobs:read"]`: 201} {
		resp, body := create(narrow, fmt.Sprintf(`{"name":"eve","role":"admin"%s}`, scopes))
		if resp.StatusCode != want {
			t.Errorf("a key %q by one of less: got %d %s", scopes, resp.StatusCode, body)
		}
		if want == 403 && !strings.Contains(body, "keys:write") {
			t.Errorf("what may be given is not said: %s", body)
		}
	}
	if _, body := d.do("GET", "/v1/self", "", "Authorization", "Bearer "+narrow); !strings.Contains(body, `"scopes":["jobs:read","keys:write","self:read"]`) {
		t.Errorf("oneself: %s", body)
	}
	if token, err := d.client(coordinator.Admin).Self(t.Context()); err != nil || len(token.Scopes) > 0 {
		t.Errorf("a key without scopes: %+v, %v", token, err)
	}
}
