package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/auth/authtest"
	"sluice/internal/bus/bustest"
)

// status is what a path is answered with to who shows a token, and role the role that the answer
// tells of, where it is that of /v1/self.
func (p *process) status(path, token string) (status int, role coordinator.Role) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(bustest.Context(p.t), http.MethodGet, p.address()+path, http.NoBody)
	if err != nil {
		p.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	var self struct{ Role coordinator.Role }
	_ = json.NewDecoder(resp.Body).Decode(&self) // a list has none
	return resp.StatusCode, self.Role
}

// TestUpTakesTokens starts up with an identity provider: each role's word is that role, unless
// the settings map other words, and tokens that are not good are refused.
func TestUpTakesTokens(t *testing.T) {
	t.Parallel()
	provider := authtest.NewIssuer(t)
	url, key := provider.URL, provider.Signer("one")
	flags := "--oidc-issuer " + url + " --oidc-audience sluice"
	claims := map[string]any{"iss": url, "aud": "sluice", "sub": "ann", "sluice_project": "default", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix()}
	with := func(name string, value any) string {
		c := maps.Clone(claims)
		c["sluice_role"] = "admin"
		c[name] = value
		return authtest.Sign(t, key, c)
	}
	up := newFolder(t, nil).up(flags)
	for _, role := range coordinator.Roles {
		token, keys := with("sluice_role", role), 403
		if role == coordinator.Admin {
			keys = 200
		}
		if status, got := up.status("/v1/self", token); status != 200 || got != role {
			t.Errorf("%s: got %d %s", role, status, got)
		}
		if got, _ := up.status("/v1/keys", token); got != keys {
			t.Errorf("keys as %s: got %d, want %d", role, got, keys)
		}
	}
	for what, row := range map[string]struct {
		token string
		want  int
	}{
		"no token":         {"", 401},
		"another audience": {with("aud", "other"), 401},
		"an expired one":   {with("exp", time.Now().Add(-time.Hour).Unix()), 401},
		"another issuer":   {with("iss", "https://x.example"), 401},
		"another's":        {with("sub", "bob") + "AAAA", 401},
		"no role":          {with("sluice_role", "root"), 403},
		"another project":  {with("sluice_project", "red"), 401},
	} {
		if got, _ := up.status("/v1/self", row.token); got != row.want {
			t.Errorf("%s: got %d, want %d", what, got, row.want)
		}
	}
	other := newFolder(t, nil).up(flags + " --oidc-roles soc-staff=viewer,cn=soc=admin")
	for word, want := range map[string]coordinator.Role{"soc-staff": coordinator.Viewer, "cn=soc": coordinator.Admin, "admin": ""} {
		if _, got := other.status("/v1/self", with("sluice_role", word)); got != want {
			t.Errorf("mapped word %s: got %q, want %q", word, got, want)
		}
	}
}
