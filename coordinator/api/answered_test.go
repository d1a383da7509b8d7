package api_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/daemon"
)

// TestHeads asks for the headers of all that may be read, streams without an end among it: each is
// answered, and so is the next request of the same connection.
func TestHeads(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t, unlimited, withSecrets(t)), bustest.Context(t)
	j, err := d.client(coordinator.Author).Submit(ctx, submission(), "") // it waits for a worker
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(d.http.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	job := "/v1/jobs/" + string(j.ID)
	for _, path := range []string{job + "/events?follow=true", job + "/tap?at=lines", job + "/events", job + "/results", job, "/v1/jobs", "/v1/recipes/export", "/v1/audit", "/metrics"} {
		for _, method := range []string{"HEAD", "GET"} {
			_ = conn.SetDeadline(time.Now().Add(bustest.Timeout))
			ask := path
			if method == "GET" {
				ask = "/v1/self"
			}
			fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", method, ask, d.keys[coordinator.Admin])
			resp, err := http.ReadResponse(answers, &http.Request{Method: method})
			if err != nil {
				t.Fatalf("%s %s, with HEAD of %s before: %v", method, ask, path, err)
			}
			if _, err = io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode >= 500 || method == "GET" && resp.StatusCode != 200 {
				t.Errorf("%s %s, with HEAD of %s before: got %d, %v", method, ask, path, resp.StatusCode, err)
			}
		}
	}
}

// TestTooLarge sends bodies of five megabytes where one may be sent: who still sends is not cut
// off before it has the answer.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	d := newDesk(t, unlimited)
	body := strings.NewReader(`{"source":"` + strings.Repeat("0123456789abcdef", 5<<16) + `"}`)
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	each := 100
	if testing.Short() {
		each = 10
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range each {
				req, err := http.NewRequestWithContext(bustest.Context(t), "POST", d.http.URL+"/v1/recipes/check", io.NewSectionReader(body, 0, body.Size()))
				if err != nil {
					t.Error(err)
					return
				}
				req.ContentLength = body.Size()
				req.Header.Set("Authorization", "Bearer "+d.keys[coordinator.Author])
				req.Header.Set("Content-Type", "application/json")
				resp, err := transport.RoundTrip(req)
				if err != nil {
					t.Error(err)
					continue
				}
				if _, err = io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
					t.Errorf("got %d, %v", resp.StatusCode, err)
				}
				resp.Body.Close()
			}
		})
	}
	all.Wait()
}

// TestDeletedMeanwhile deletes an artifact that is being downloaded: the reader does not take what
// it has for the whole, and nobody is called to mend what is no fault.
func TestDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	log, ctx := &lines{}, bustest.Context(t)
	d := newDesk(t, unlimited, func(c *daemon.CoordinatorConfig) {
		c.Log = hclog.New(&hclog.LoggerOptions{Level: hclog.Info, Output: log})
	})
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, bytes.Repeat([]byte("0123456789abcdef"), 40*bus.FileChunk/16), 0o600); err != nil {
		t.Fatal(err)
	}
	c := d.client(coordinator.Admin)
	a, err := c.Upload(ctx, file)
	if err != nil {
		t.Fatal(err)
	}
	conn := dial(t, strings.TrimPrefix(d.http.URL, "http://"))
	_ = conn.SetReadBuffer(256 << 10) // so that it is not sent whole before it is read
	_ = conn.SetReadDeadline(time.Now().Add(bustest.Timeout))
	fmt.Fprintf(conn, "GET /v1/artifacts/%s/content HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s\r\n\r\n", a.ID, d.keys[coordinator.Admin])
	resp, err := http.ReadResponse(bufio.NewReaderSize(conn, 4096), nil)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("got %v, %v", resp, err)
	}
	if err := c.DeleteArtifact(ctx, a.ID); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "its content is gone", func() bool {
		counts, err := d.conn.SubjectCounts(ctx, bus.FilesStream, "sluicefiles.c.>")
		return err == nil && len(counts) == 0
	})
	if n, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Errorf("%d bytes were taken for whole", n)
	}
	bustest.Eventually(t, "it is in the log", func() bool { return strings.Contains(log.String(), "its artifact was deleted meanwhile") })
	if strings.Contains(log.String(), "[ERROR]") {
		t.Errorf("the log has %s", log.String())
	}
}
