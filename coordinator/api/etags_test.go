package api_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"sluice/coordinator"
	"sluice/internal/bus/bustest"
)

// TestETagsOfAll shows each sort of thing with its ETag: who knows it gets 304, and a change of what
// somebody else changed meanwhile is refused, and not made.
func TestETagsOfAll(t *testing.T) {
	d, ctx := newDesk(t, unlimited, withSecrets(t)), bustest.Context(t)
	admin := []string{"Authorization", "Bearer " + d.keys[coordinator.Admin]}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := d.client(coordinator.Author).Upload(ctx, file)
	if err != nil {
		t.Fatal(err)
	}
	saved, err := json.Marshal(map[string]string{"source": upper[len("\nrecipe: upper\n"):]})
	if err != nil {
		t.Fatal(err)
	}
	put := func(path, body string) {
		t.Helper()
		if resp, text := d.do("PUT", path, body, admin...); resp.StatusCode >= 300 {
			t.Fatalf("%s: got %d %s", path, resp.StatusCode, text)
		}
	}
	put("/v1/recipes/mine", string(saved))
	put("/v1/secrets/token", `{"value":"first value"}`)
	_, body := d.do("POST", "/v1/keys", `{"name":"bob","role":"viewer"}`, admin...)
	var key coordinator.Key
	if err := json.Unmarshal([]byte(body), &key); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v1/recipes/mine", "/v1/artifacts/" + a.ID, "/v1/secrets/token", "/v1/keys/" + key.Prefix} {
		ask := func(method string, header ...string) (int, string) {
			resp, _ := d.do(method, path, "", append(header, admin...)...)
			return resp.StatusCode, resp.Header.Get("ETag")
		}
		status, tag := ask("GET")
		if status != 200 || tag == "" {
			t.Errorf("%s: got %d with the tag %q", path, status, tag)
		}
		if status, same := ask("GET", "If-None-Match", `"no", `+tag); status != 304 || same != tag {
			t.Errorf("%s, known: got %d with the tag %q, want 304 and %q", path, status, same, tag)
		}
		if status, _ := ask("GET", "If-None-Match", `"7"`); status != 200 {
			t.Errorf("%s, another known: got %d", path, status)
		}
		resp, text := d.do("DELETE", path, "", append([]string{"If-Match", `"7"`}, admin...)...)
		problem(t, resp, text, 412, coordinator.Changed)
		if path == "/v1/secrets/token" {
			put(path, `{"value":"second value"}`)
			resp, text := d.do("PUT", path, `{"value":"third value"}`, append([]string{"If-Match", tag}, admin...)...)
			problem(t, resp, text, 412, coordinator.Changed)
			if status, now := ask("GET"); status != 200 || now == tag {
				t.Errorf("%s, set again: got %d with the tag %q, which it had", path, status, now)
			} else {
				tag = now
			}
		}
		if status, _ := ask("DELETE", "If-Match", tag); status >= 300 {
			t.Errorf("%s, deleted as it is known: got %d", path, status)
		}
	}
}

// TestETagsOfReads shows what never changes, or not by a request: who knows its ETag gets 304.
func TestETagsOfReads(t *testing.T) {
	t.Parallel()
	d := newDesk(t, unlimited)
	job, err := d.client(coordinator.Author).Submit(bustest.Context(t), submission(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v1/kinds/md5_hash", "/v1/jobs/" + string(job.ID) + "/plan", "/v1/jobs/" + string(job.ID) + "/recipe"} {
		resp, body := d.do("GET", path, "", "Accept-Encoding", "identity")
		tag := resp.Header.Get("ETag")
		if resp.StatusCode != 200 || tag == "" {
			t.Errorf("%s: got %d with the tag %q: %.200s", path, resp.StatusCode, tag, body)
		}
		if resp, body := d.do("GET", path, "", "If-None-Match", tag); resp.StatusCode != 304 || resp.Header.Get("ETag") != tag || body != "" {
			t.Errorf("%s, known: got %d %q %.200s", path, resp.StatusCode, resp.Header.Get("ETag"), body)
		}
		if resp, _ := d.do("GET", path, "", "If-None-Match", `"7"`); resp.StatusCode != 200 {
			t.Errorf("%s, another known: got %d", path, resp.StatusCode)
		}
	}
}
