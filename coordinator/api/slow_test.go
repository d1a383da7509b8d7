package api_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus/bustest"
	"sluice/internal/daemon"
)

// hasty serves with short waits.
func hasty(s *daemon.Serving) { s.PassWait = 500 * time.Millisecond }

// dial connects with small buffers.
func dial(t *testing.T, address string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := conn.(*net.TCPConn)
	if err := errors.Join(c.SetReadBuffer(4096), c.SetWriteBuffer(4096)); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestUnread attacks with requests of which nobody reads the answers: each is cut off in time.
func TestUnread(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t, unlimited), bustest.Context(t)
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, bytes.Repeat([]byte("0123456789abcdef"), 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := d.client(coordinator.Author).Upload(ctx, file)
	if err != nil {
		t.Fatal(err)
	}
	address := d.listens(hasty)
	for what, path := range map[string]string{"pipelined": "/v1/openapi.json", "download": "/v1/artifacts/" + a.ID + "/content"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			conn := dial(t, address)
			ask := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", path, d.keys[coordinator.Author])
			bustest.Eventually(t, "it is cut off", func() bool {
				_ = conn.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
				_, err := io.WriteString(conn, ask)
				return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
			})
		})
	}
}

// TestUploadStops sends three bytes of an upload and no more: it is cut off, and can be gone on with.
func TestUploadStops(t *testing.T) {
	t.Parallel()
	d := newDesk(t, unlimited)
	_, body := d.do("POST", "/v1/uploads", `{"name":"a","size":1000}`)
	_, rest, _ := strings.Cut(body, `"id":"`)
	id, _, found := strings.Cut(rest, `"`)
	if !found {
		t.Fatal(body)
	}
	conn := dial(t, d.listens(hasty))
	began := time.Now()
	fmt.Fprintf(conn, "PATCH /v1/uploads/%s HTTP/1.1\r\nHost: x\r\nUpload-Offset: 0\r\nContent-Type: application/octet-stream\r\nContent-Length: 1000\r\nAuthorization: Bearer %s\r\n\r\nabc",
		id, d.keys[coordinator.Author])
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	answer, err := io.ReadAll(conn)
	if err != nil || len(answer) > 0 && !strings.HasPrefix(string(answer), "HTTP/1.1 4") {
		t.Errorf("got %v, %.300s after %v", err, answer, time.Since(began))
	}
	if resp, body := d.do("PATCH", "/v1/uploads/"+id, strings.Repeat("a", 1000), "Upload-Offset", "0", "Content-Type", "application/octet-stream"); resp.StatusCode != 200 {
		t.Errorf("then: got %d %s", resp.StatusCode, body)
	}
}

// TestCrowd opens more connections than there may be: who is one too many is told so, and
// many more are closed. When some are gone, others are let in. The audit log has it.
func TestCrowd(t *testing.T) {
	t.Parallel()
	d := newDesk(t, unlimited)
	address := d.listens(func(s *daemon.Serving) { s.Connections = 8 })
	status := func(c net.Conn) int {
		_ = c.SetDeadline(time.Now().Add(3 * time.Second))
		fmt.Fprint(c, "GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return 0
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		if resp.StatusCode == 503 && (resp.Header.Get("Retry-After") == "" || !resp.Close) {
			t.Errorf("got %v", resp.Header)
		}
		return resp.StatusCode
	}
	var in []net.Conn
	for range 4 {
		c := dial(t, address)
		if got := status(c); got != 200 {
			t.Fatalf("got %d", got)
		}
		in = append(in, c)
	}
	if got := status(dial(t, address)); got != 503 {
		t.Errorf("one too many: got %d", got)
	}
	bustest.Eventually(t, "who is one too many is in the audit log", func() bool {
		return slices.ContainsFunc(d.audited(), func(e coordinator.AuditEntry) bool {
			return e.Outcome == coordinator.Denied && strings.HasPrefix(e.Address, "127.0.0.1:") && strings.Contains(e.Reason, "connections")
		})
	})
	closed := 0
	for range 100 {
		dial(t, address)
	}
	if status(dial(t, address)) == 0 {
		closed++
	}
	if closed == 0 {
		t.Error("a hundred too many, and none was closed")
	}
	in[0].Close()
	bustest.Eventually(t, "another is let in", func() bool {
		c := dial(t, address)
		defer c.Close()
		return status(c) == 200
	})
}
