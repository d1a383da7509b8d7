package api_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"sluice/client"
	"sluice/coordinator"
	"sluice/internal/bus/bustest"
)

// TestOthersThings lets every role delete things that exist and are another's: authors may what is
// theirs, and admins all. Who may not is told so, and the thing stays.
func TestOthersThings(t *testing.T) {
	d, ctx := newDesk(t, unlimited), bustest.Context(t)
	ended := func(role coordinator.Role) string {
		c := d.client(role)
		job, err := c.Submit(ctx, submission(), "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Order(ctx, job.ID, client.Cancel); err != nil {
			t.Fatal(err)
		}
		d.over(c, job.ID)
		return "/v1/jobs/" + string(job.ID)
	}
	file := filepath.Join(t.TempDir(), "file")
	uploaded := func(role coordinator.Role) string {
		if err := os.WriteFile(file, []byte("of the "+role), 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := d.client(role).Upload(ctx, file)
		if err != nil {
			t.Fatal(err)
		}
		return "/v1/artifacts/" + a.ID
	}
	for _, o := range []struct {
		operation, method, below, body string
		thing                          func(coordinator.Role) string
	}{
		{"purge-dead", "POST", "/dead/purge", `{}`, ended},
		{"delete-job", "DELETE", "", "", ended},
		{"delete-artifact", "DELETE", "", "", uploaded},
	} {
		for _, r := range []struct {
			owner, asks coordinator.Role
			may         bool
		}{
			{coordinator.Admin, coordinator.Viewer, false}, {coordinator.Admin, coordinator.Operator, false}, {coordinator.Admin, coordinator.Author, false},
			{coordinator.Author, coordinator.Viewer, false}, {coordinator.Author, coordinator.Operator, false},
			{coordinator.Author, coordinator.Author, true}, {coordinator.Author, coordinator.Admin, true},
		} {
			path := o.thing(r.owner)
			resp, body := d.do(o.method, path+o.below, o.body, "Authorization", "Bearer "+d.keys[r.asks])
			if !r.may {
				problem(t, resp, body, http.StatusForbidden, coordinator.Forbidden)
				if resp, body := d.do("GET", path, ""); resp.StatusCode != http.StatusOK {
					t.Errorf("%s of the %s's by the %s: what may not be deleted is not there: %d %s", o.operation, r.owner, r.asks, resp.StatusCode, body)
				}
			} else if resp.StatusCode >= 300 {
				t.Errorf("%s of the %s's by the %s: got %d %s", o.operation, r.owner, r.asks, resp.StatusCode, body)
			}
		}
	}
}
