package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/auth"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// large is a recipe whose sink writes more than connections hold on their way: 32 MB.
const large = `
recipe: large
nodes:
  n:    {kind: integer_generator, config: {count: 8000, seed: 7}}
  text: {kind: to_string, from: n}
  long: {kind: regex_replace, from: text, config: {regex: '$', replacement: "%s"}}
  out:  {kind: file_writer, from: long, config: {path: out.txt}}
`

// open sends a request and returns its answer, of which the body is the caller's.
func (d *desk) open(method, path, key string, body io.Reader, header ...string) *http.Response {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.http.URL+path, body)
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Accept-Encoding", "identity") // what is packed fits into the buffers on its way
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// TestRevokedStreams revokes a key while every route is in use that may last: each is cut off
// within 5 s, and what had to be whole is seen not to be.
func TestRevokedStreams(t *testing.T) {
	d := newDesk(t)
	ctx := bustest.Context(t)
	admin := d.client(coordinator.Admin)
	stop := d.worker(nil)
	j, err := admin.Submit(ctx, coordinator.Submission{Document: coordinator.Document{Source: fmt.Sprintf(large, strings.Repeat("-", 4<<10))}}, "")
	if err != nil {
		t.Fatal(err)
	}
	if state := d.over(admin, j.ID); state != recipe.JobSucceeded {
		t.Fatalf("the job has %s", state)
	}
	stop()
	waits := d.wide(1)
	prefix, token := d.newKey("leaving")
	var files struct{ Artifacts []coordinator.Artifact }
	if _, body := d.do("GET", "/v1/artifacts?job="+string(j.ID), ""); json.Unmarshal([]byte(body), &files) != nil || len(files.Artifacts) != 1 {
		t.Fatalf("got %s", body)
	}
	var begun struct{ Upload coordinator.Upload }
	if _, body := d.do("POST", "/v1/uploads", `{"name":"x","size":100000000}`); json.Unmarshal([]byte(body), &begun) != nil || begun.Upload.ID == "" {
		t.Fatalf("got %s", body)
	}
	ends, cut := map[string]chan error{}, make(chan struct{})
	for _, path := range []string{"/v1/jobs/" + string(waits) + "/events?follow=true", "/v1/jobs/" + string(waits) + "/tap?at=hash",
		"/v1/jobs/" + string(j.ID) + "/results", "/v1/artifacts/" + files.Artifacts[0].ID + "/content"} {
		resp := d.open("GET", path, token, nil)
		first := make([]byte, 1)
		if _, err := io.ReadFull(resp.Body, first); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: got %d, %v", path, resp.StatusCode, err)
		}
		end := make(chan error, 1)
		ends[path] = end
		whole := strings.HasSuffix(path, "results") || strings.HasSuffix(path, "content")
		go func() {
			if whole { // by a slow reader
				<-cut
			}
			text, err := io.ReadAll(resp.Body)
			if err == nil && whole {
				err = fmt.Errorf("all %d bytes were sent", len(text))
			} else {
				err = nil
			}
			if bytes.Contains(text, []byte(`"end"`)) {
				err = fmt.Errorf("got %s, want it cut off", text)
			}
			if strings.HasSuffix(path, "follow=true") {
				close(cut)
			}
			end <- err
		}()
	}
	path := "/v1/uploads/" + begun.Upload.ID
	conn, err := net.Dial("tcp", strings.TrimPrefix(d.http.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nUpload-Offset: 0\r\nContent-Type: application/octet-stream\r\nContent-Length: 100000000\r\nExpect: 100-continue\r\n\r\n", path, token); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n"))); err != nil { // then the body is read
		t.Fatal(err)
	}
	ends[path] = make(chan error, 1)
	go func() {
		_, _ = io.ReadAll(conn)
		ends[path] <- nil
	}()
	began := time.Now()
	if resp, body := d.do("DELETE", "/v1/keys/"+prefix, "", "Authorization", "Bearer "+d.keys[coordinator.Admin]); resp.StatusCode != http.StatusOK {
		t.Fatalf("got %d %s", resp.StatusCode, body)
	}
	for path, end := range ends {
		if err := bustest.Wait(t, "the end of "+path, end); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if took := time.Since(began); took > bustest.Within(6*time.Second) {
		t.Errorf("it took %v, want 5 s at most", took)
	}
}

// newKey makes a key of an author.
func (d *desk) newKey(name string) (prefix, token string) {
	d.t.Helper()
	_, body := d.do("POST", "/v1/keys", `{"name":"`+name+`","role":"author"}`, "Authorization", "Bearer "+d.keys[coordinator.Admin])
	var made struct{ Token string }
	if err := json.Unmarshal([]byte(body), &made); err != nil || made.Token == "" {
		d.t.Fatalf("%v in %s", err, body)
	}
	return auth.PrefixOf(made.Token), made.Token
}
