package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"sluice/coordinator"
	"sluice/internal/bus/bustest"
)

// TestNeededSecret deletes a secret that a saved recipe or a job that has not ended names: it is
// refused, with who names it, until none does or it is forced.
func TestNeededSecret(t *testing.T) {
	d, ctx := newDesk(t, unlimited, withSecrets(t)), bustest.Context(t)
	admin := []string{"Authorization", "Bearer " + d.keys[coordinator.Admin]}
	c := d.client(coordinator.Author)
	set := func() {
		t.Helper()
		if resp, body := d.do("PUT", "/v1/secrets/token", `{"value":"a value"}`, admin...); resp.StatusCode >= 300 {
			t.Fatalf("got %d %s", resp.StatusCode, body)
		}
	}
	const text = "nodes:\n  n: {kind: integer_generator, config: {count: 3}}\n  t: {kind: to_string, from: n}\n  h: {kind: hmac, from: t, config: {key: \"${secret:token}\"}}\n  p: {kind: printer, from: h}\n"
	save := func(source string) {
		t.Helper()
		body, err := json.Marshal(map[string]string{"source": source})
		if err != nil {
			t.Fatal(err)
		}
		if resp, text := d.do("PUT", "/v1/recipes/signs", string(body), admin...); resp.StatusCode >= 300 {
			t.Fatalf("got %d %s", resp.StatusCode, text)
		}
	}
	refused := func(by string) {
		t.Helper()
		resp, body := d.do("DELETE", "/v1/secrets/token", "", admin...)
		if p := problem(t, resp, body, http.StatusConflict, coordinator.Conflict); p.Detail != "secret token can't be deleted: "+by+" names it" || !strings.Contains(p.Hint, "--force") {
			t.Errorf("got %+v", p)
		}
	}
	gone := func(query string) {
		t.Helper()
		if resp, body := d.do("DELETE", "/v1/secrets/token"+query, "", admin...); resp.StatusCode != http.StatusNoContent {
			t.Fatalf("got %d %s", resp.StatusCode, body)
		}
	}
	set()
	save(text)
	refused("the recipe signs@1")
	gone("?force=true")
	set()
	save("nodes:\n  n: {kind: integer_generator}\n") // older versions are not asked
	gone("")
	set()
	job, err := c.Submit(ctx, coordinator.Submission{Document: coordinator.Document{Source: text}}, "")
	if err != nil {
		t.Fatal(err)
	}
	refused("job " + string(job.ID) + ", which has not ended,")
	if resp, body := d.do("POST", "/v1/jobs/"+string(job.ID)+"/cancel", "{}", admin...); resp.StatusCode >= 300 {
		t.Fatalf("got %d %s", resp.StatusCode, body)
	}
	d.over(c, job.ID)
	gone("")
	resp, body := d.do("DELETE", "/v1/secrets/token", "", admin...)
	problem(t, resp, body, http.StatusNotFound, coordinator.Unknown)
}
