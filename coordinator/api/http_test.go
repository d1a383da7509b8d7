package api_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus/bustest"
	"sluice/internal/daemon"
)

// TestHTTP looks at what clients and proxies may rely on, apart from what each route does.
func TestHTTP(t *testing.T) {
	d := newDesk(t)
	for _, r := range []struct {
		method, path, body string
		header             []string
		status             int
		code               coordinator.Family
		want               map[string]string
	}{
		{method: "HEAD", path: "/v1/kinds", status: 200, want: map[string]string{"Content-Type": "application/json"}},
		{method: "HEAD", path: "/v1/jobs/nosuchjob", status: 404},
		{method: "OPTIONS", path: "/v1/jobs", header: []string{"Origin", "https://evil.example", "Access-Control-Request-Method", "POST"}, status: 405, code: coordinator.Invalid,
			want: map[string]string{"Allow": "GET, HEAD, POST", "Access-Control-Allow-Origin": ""}},
		{method: "GET", path: "/v1/jobs", header: []string{"Origin", "https://evil.example"}, status: 200, want: map[string]string{"Access-Control-Allow-Origin": "", "X-Content-Type-Options": "nosniff"}},
		{method: "POST", path: "/v1/jobs", body: "source=x", header: []string{"Content-Type", "application/x-www-form-urlencoded"}, status: 415, code: coordinator.Invalid},
		{method: "POST", path: "/v1/recipes/check", body: "{\"source\":\"\xff\xfe\"}", status: 200},
		{method: "GET", path: "/v1/jobs/" + strings.Repeat("a", 20_000), status: 422, code: coordinator.Invalid},
		{method: "GET", path: "/v1/" + strings.Repeat("a", 20_000), status: 404, code: coordinator.Unknown},
		{method: "GET", path: "/v1//jobs", status: 404, code: coordinator.Unknown},
		{method: "GET", path: "/v1/jobs/../keys", status: 404, code: coordinator.Unknown},
	} {
		resp, body := d.do(r.method, r.path, r.body, r.header...)
		if r.code != "" {
			if problem(t, resp, body, r.status, r.code); len(body) > 2000 {
				t.Errorf("%s %.40s: a problem of %d bytes", r.method, r.path, len(body))
			}
		} else if resp.StatusCode != r.status {
			t.Errorf("%s %.40s: got %d %.200s, want %d", r.method, r.path, resp.StatusCode, body, r.status)
		}
		for name, want := range r.want {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("%s %.40s: got %s: %q, want %q", r.method, r.path, name, got, want)
			}
		}
	}
}

// TestRanges downloads parts of an artifact.
func TestRanges(t *testing.T) {
	d, ctx := newDesk(t), bustest.Context(t)
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := d.client(coordinator.Author).Upload(ctx, file)
	if err != nil {
		t.Fatal(err)
	}
	path := "/v1/artifacts/" + a.ID + "/content"
	whole, _ := d.do("GET", path, "")
	tag := whole.Header.Get("ETag")
	for _, r := range []struct {
		header []string
		status int
		want   string
		at     string
	}{
		{nil, 200, "0123456789", ""},
		{[]string{"Range", "bytes=2-4"}, 206, "234", "bytes 2-4/10"},
		{[]string{"Range", "bytes=-3"}, 206, "789", "bytes 7-9/10"},
		{[]string{"Range", "bytes=2-4", "Accept-Encoding", "gzip"}, 206, "234", "bytes 2-4/10"},
		{[]string{"Range", "bytes=2-4", "If-Range", tag}, 206, "234", "bytes 2-4/10"},
		{[]string{"Range", "bytes=2-4", "If-Range", `"another"`}, 200, "0123456789", ""},
		{[]string{"If-None-Match", tag}, 304, "", ""},
	} {
		resp, body := d.do("GET", path, "", r.header...)
		if resp.StatusCode != r.status || body != r.want || resp.Header.Get("Content-Range") != r.at {
			t.Errorf("%v: got %d %q %q", r.header, resp.StatusCode, body, resp.Header.Get("Content-Range"))
		}
	}
	resp, body := d.do("GET", path, "", "Range", "bytes=20-")
	problem(t, resp, body, 416, coordinator.Invalid)
	if got := resp.Header.Get("Content-Range"); got != "bytes */10" {
		t.Errorf("got Content-Range %q", got)
	}
	resp, body = d.do("GET", path, "", "If-Match", `"another"`)
	problem(t, resp, body, 412, coordinator.Changed)
}

// TestTooOften lets a user ask more often than is allowed: the answer says when to ask again.
func TestTooOften(t *testing.T) {
	d := newDesk(t)
	for range 5000 {
		resp, body := d.do("GET", "/v1/self", "")
		if resp.StatusCode == http.StatusOK {
			continue
		}
		problem(t, resp, body, 429, coordinator.OverLimit)
		if resp.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		return
	}
	t.Error("nobody was told to wait")
}

// TestRudeClients sends what no client of HTTP would: each is refused or cut off, and others are
// answered all the while.
func TestRudeClients(t *testing.T) {
	d := newDesk(t, unlimited, func(c *daemon.CoordinatorConfig) { c.MaxBody = 64 << 10 })
	address := strings.TrimPrefix(d.http.URL, "http://")
	head := "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer " + d.keys[coordinator.Author] + "\r\n"
	for name, r := range map[string]struct {
		send string
		want int // 0: no answer
	}{
		"no HTTP":              {"HELO x\r\n\r\n", 400},
		"a length that lies":   {head + "Content-Length: 1000\r\n\r\n{}", 0},
		"two lengths":          {head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x", 400},
		"chunks and a length":  {head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 501},
		"a chunk that is none": {head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
		"chunks without end":   {head + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1000\r\n"+strings.Repeat(" ", 4096)+"\r\n", 64), 413},
		"a header with a nul":  {"GET /v1/self HTTP/1.1\r\nHost: x\r\nX-A: a\x00b\r\n\r\n", 400},
		"no host":              {"GET /v1/self HTTP/1.1\r\n\r\n", 400},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, r.send); err != nil && r.want == 0 {
				t.Fatal(err)
			}
			began := time.Now()
			if r.want > 0 {
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil || resp.StatusCode != r.want {
					t.Errorf("got %v, %v, want %d", resp, err, r.want)
				}
			}
			if took := time.Since(began); took > bustest.Within(2*time.Second) {
				t.Errorf("answered after %v", took)
			}
			if resp, body := d.do("GET", "/v1/self", ""); resp.StatusCode != 200 {
				t.Errorf("another: got %d %s", resp.StatusCode, body)
			}
		})
	}
	var silent []net.Conn
	for range 200 { // as many as begin, and say no more
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "GET /v1/self HTTP/1.1\r\nHost: x\r\nX-")
		silent = append(silent, conn)
	}
	if resp, body := d.do("GET", "/v1/self", ""); resp.StatusCode != 200 {
		t.Errorf("beside %d that are silent: got %d %s", len(silent), resp.StatusCode, body)
	}
}
