package api_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/api"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// TestWords looks at what is said of requests that are a little wrong: what would mend them.
func TestWords(t *testing.T) {
	t.Parallel()
	d := newDesk(t, unlimited)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(`{"recipe":"a"}`)); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	for _, r := range []struct {
		method, path, body string
		header             []string
		status             int
		want, never        string
	}{
		{"POST", "/v1/jobs", zipped.String(), []string{"Content-Encoding", "gzip"}, 415, "without Content-Encoding", "invalid character"},
		{"POST", "/v1/jobs", `{"recipe":"a"}`, []string{"Content-Encoding", "identity"}, 404, "", "Content-Encoding"},
		{"PATCH", "/v1/uploads/nosuch", zipped.String(), []string{"Content-Encoding", "gzip", "Upload-Offset", "0"}, 415, "without Content-Encoding", ""},
		{"POST", "/v1/jobs", `{"source":"` + strings.Repeat("x", api.MaxBody) + `"}`, nil, 413, fmt.Sprintf("%d bytes", api.MaxBody), fmt.Sprint(api.MaxBody + 1)},
		{"GET", "/v1/jobs?since=yesterday", "", nil, 422, "RFC 3339, as 2026-01-31T08:00:00Z", "2006-01-02"},
		{"POST", "/v1/jobs", `{"recipe":"a","deadline":"soon"}`, nil, 422, "RFC 3339, as 2026-01-31T08:00:00Z", "2006-01-02"},
		{"POST", "/v1/jobs", `{}`, nil, 422, "neither", "not both"},
	} {
		resp, body := d.do(r.method, r.path, r.body, r.header...)
		if resp.StatusCode != r.status || !strings.Contains(body, r.want) || r.never != "" && strings.Contains(body, r.never) {
			t.Errorf("%s %s %.40q: got %d %.300s, want %d with %q and without %q", r.method, r.path, r.body, resp.StatusCode, body, r.status, r.want, r.never)
		}
	}
}

// TestChangedTag: who ordered by an ETag that is past is told the one that would do.
func TestChangedTag(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t, unlimited), bustest.Context(t)
	job, err := d.client(coordinator.Author).Submit(ctx, submission(), "")
	if err != nil {
		t.Fatal(err)
	}
	path := "/v1/jobs/" + string(job.ID)
	for range 3 { // the leader may change it in between
		resp, body := d.do("POST", path+"/pause", "", "If-Match", `"1"`)
		p := problem(t, resp, body, 412, coordinator.Changed)
		_, rest, found := strings.Cut(p.Hint, "If-Match: ")
		if !found {
			t.Fatalf("%q, %q: no ETag", p.Detail, p.Hint)
		}
		if resp, body = d.do("POST", path+"/pause", "", "If-Match", rest); resp.StatusCode == 202 {
			return
		} else if strings.Contains(p.Detail, "revision") || resp.StatusCode != 412 {
			t.Fatalf("got %q, %q; with %q %d %s", p.Detail, p.Hint, rest, resp.StatusCode, body)
		}
	}
	t.Error("the ETag that is named would not do")
}

// TestETagsOfLists: who knows a list, or the API's description, gets 304 until it is another.
func TestETagsOfLists(t *testing.T) {
	t.Parallel()
	d := newDesk(t, unlimited, withSecrets(t))
	admin := "Bearer " + d.keys[coordinator.Admin]
	one := bus.WorkerRecord{Name: "one", Started: time.Now()}
	d.says(one)
	bustest.Eventually(t, "the worker to be known", func() bool {
		_, body := d.do("GET", "/v1/workers", "")
		return strings.Contains(body, `"one"`)
	})
	tags := map[string]string{}
	for _, path := range []string{"/v1/kinds", "/v1/kinds?limit=3", "/v1/recipes", "/v1/workers", "/v1/keys", "/v1/secrets", "/v1/openapi.json"} {
		resp, whole := d.do("GET", path, "", "Authorization", admin, "Accept-Encoding", "identity")
		tag := resp.Header.Get("ETag")
		if resp.StatusCode != 200 || tag == "" || len(whole) == 0 {
			t.Errorf("%s: got %d with the tag %q", path, resp.StatusCode, tag)
		}
		tags[path] = tag
		d.says(one) // it was heard again, which is no change
		if resp, body := d.do("GET", path, "", "Authorization", admin, "If-None-Match", tag); resp.StatusCode != 304 || body != "" || resp.Header.Get("ETag") != tag {
			t.Errorf("%s, known: got %d %q %.100s, want 304 and %q", path, resp.StatusCode, resp.Header.Get("ETag"), body, tag)
		}
		if resp, body := d.do("GET", path, "", "Authorization", admin, "If-None-Match", `"7"`, "Accept-Encoding", "identity"); resp.StatusCode != 200 || body != whole && path != "/v1/workers" && path != "/v1/keys" {
			t.Errorf("%s, another known: got %d %.100s", path, resp.StatusCode, body)
		}
		if resp, body := d.do("GET", path, "", "Authorization", admin, "If-None-Match", tag, "Accept-Encoding", "gzip"); resp.StatusCode != 304 || body != "" {
			t.Errorf("%s, known, packed: got %d", path, resp.StatusCode)
		}
	}
	if tags["/v1/kinds"] == tags["/v1/kinds?limit=3"] {
		t.Error("a part of a list has the tag of the whole")
	}
	d.says(bus.WorkerRecord{Name: "two"})
	bustest.Eventually(t, "the other list of workers", func() bool {
		resp, body := d.do("GET", "/v1/workers", "", "If-None-Match", tags["/v1/workers"])
		return resp.StatusCode == 200 && strings.Contains(body, `"two"`)
	})
	if resp, body := d.do("HEAD", "/v1/openapi.json", "", "Accept-Encoding", "identity"); resp.StatusCode != 200 || resp.Header.Get("ETag") != tags["/v1/openapi.json"] || body != "" {
		t.Errorf("HEAD: got %d %v", resp.StatusCode, resp.Header)
	}
}

// TestPackedResults: results come packed to who takes that; what is followed comes as it is, at once.
func TestPackedResults(t *testing.T) {
	t.Parallel()
	d := newDesk(t, unlimited)
	defer d.worker(nil)()
	c, ctx := d.client(coordinator.Author), bustest.Context(t)
	const source = "recipe: many\nnodes:\n  n: {kind: integer_generator, config: {count: 5000}}\n  out: {kind: file_writer, from: n, config: {path: many.jsonl, format: json_lines}}\n"
	job, err := c.Submit(ctx, coordinator.Submission{Document: coordinator.Document{Source: source}}, "")
	if err != nil {
		t.Fatal(err)
	}
	if state := d.over(c, job.ID); state != recipe.JobSucceeded {
		t.Fatalf("got %s", state)
	}
	path := "/v1/jobs/" + string(job.ID) + "/results"
	_, plain := d.do("GET", path, "", "Accept-Encoding", "identity")
	resp, packed := d.do("GET", path, "", "Accept-Encoding", "gzip")
	if resp.Header.Get("Content-Encoding") != "gzip" || resp.Header.Get("Content-Type") != "application/x-ndjson" {
		t.Fatalf("got %v", resp.Header)
	}
	z, err := gzip.NewReader(strings.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if whole, err := io.ReadAll(z); err != nil || string(whole) != plain || len(packed) > len(plain)/2 || strings.Count(plain, "\n") != 5000 {
		t.Errorf("got %v, %d bytes of %d in %d", err, len(whole), len(plain), len(packed))
	}
	if resp, _ := d.do("GET", "/v1/jobs/"+string(job.ID)+"/events", "", "Accept-Encoding", "gzip"); resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Encoding") != "" {
		t.Errorf("events: got %v", resp.Header)
	}
}
