package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus/bustest"
	"sluice/internal/daemon"
	"sluice/internal/endpoint"
)

// listens serves a desk as the services do, on a listener with their bounds.
func (d *desk) listens(with ...func(*daemon.Serving)) (address string) {
	d.t.Helper()
	ln, err := endpoint.Listen(bustest.Context(d.t), endpoint.Config{Address: "127.0.0.1:0"})
	if err != nil {
		d.t.Fatal(err)
	}
	s := daemon.Serving{Within: time.Second, Crowded: d.coord.Crowded}
	for _, f := range with {
		f(&s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- daemon.Serve(ctx, ln, d.http.Config.Handler, s) }()
	d.t.Cleanup(func() { cancel(); <-done })
	return ln.Addr().String()
}

// trickle sends a beginning and then a byte now and then, until it is cut off or the time is over.
// It returns what was answered, and after which time.
func trickle(t *testing.T, address, begin, more string, most time.Duration) (answer string, took time.Duration) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	began, got := time.Now(), make(chan string, 1)
	go func() {
		b, _ := io.ReadAll(io.LimitReader(conn, 1<<16))
		got <- string(b)
	}()
	if _, err := io.WriteString(conn, begin); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case answer := <-got:
			return answer, time.Since(began)
		case <-tick.C:
			if time.Since(began) > most {
				t.Fatalf("it is served still after %v", most)
			}
			_, _ = io.WriteString(conn, more[n%len(more):n%len(more)+1]) // an error is told by who reads
		}
	}
}

// TestTrickledHeaders attacks with headers that come a byte at a time: it is cut off within 5 s,
// whatever it sends.
func TestTrickledHeaders(t *testing.T) {
	t.Parallel()
	d := newDesk(t, unlimited)
	answer, took := trickle(t, d.listens(), "GET /v1/self HTTP/1.1\r\nHost: x\r\n", "X-A: b\r\n", bustest.Within(8*time.Second))
	if took < 4*time.Second || answer != "" && !strings.HasPrefix(answer, "HTTP/1.1 4") {
		t.Errorf("got %q after %v", answer, took)
	}
}

// TestTrickledBody attacks with a body that comes a byte at a time: it is refused when its time is over,
// however often something comes.
func TestTrickledBody(t *testing.T) {
	t.Parallel()
	d := newDesk(t, unlimited, func(c *daemon.CoordinatorConfig) { c.BodyWait = 2 * time.Second })
	head := "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\nAuthorization: Bearer " + d.keys[coordinator.Author] + "\r\n\r\n"
	answer, took := trickle(t, d.listens(), head, " ", bustest.Within(5*time.Second))
	if took < time.Second || answer != "" && !strings.HasPrefix(answer, "HTTP/1.1 4") {
		t.Errorf("got %q after %v", answer, took)
	}
}

// TestLongHeaders attacks with headers over the bound of 64 KiB, in one and in many.
func TestLongHeaders(t *testing.T) {
	address := newDesk(t, unlimited).listens()
	for what, headers := range map[string]string{
		"one":  "X-A: " + strings.Repeat("a", 100<<10) + "\r\n",
		"many": strings.Repeat("X-A: "+strings.Repeat("a", 100)+"\r\n", 1000),
		"path": "",
	} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		path, want := "/v1/self", 431
		if what == "path" {
			path = "/v1/" + strings.Repeat("a", 100<<10)
		}
		go fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", path, headers)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode != want {
			t.Errorf("%s: got %v, %v, want %d", what, resp, err, want)
		}
	}
}

// TestPackedTags asks conditionally with ETags of compressed answers, and such as a proxy has
// weakened: they mean the same, and a cache can't take one answer for the other.
func TestPackedTags(t *testing.T) {
	d, ctx := newDesk(t), bustest.Context(t)
	many := submission()
	many.Labels = map[string]string{}
	for n := range 30 {
		many.Labels[fmt.Sprint("label", n)] = strings.Repeat("x", 100)
	}
	job, err := d.client("author").Submit(ctx, many, "")
	if err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "the leader has looked at it", func() bool {
		j, err := d.client(coordinator.Author).Job(ctx, job.ID)
		return err == nil && j.Waiting != ""
	})
	path := "/v1/jobs/" + string(job.ID)
	plain, _ := d.do("GET", path, "", "Accept-Encoding", "identity")
	packed, _ := d.do("GET", path, "", "Accept-Encoding", "gzip")
	tag, other := plain.Header.Get("ETag"), packed.Header.Get("ETag")
	if packed.Header.Get("Content-Encoding") != "gzip" || tag == other || tag == "" || !strings.Contains(packed.Header.Get("Vary"), "Accept-Encoding") {
		t.Fatalf("got %v and %v", plain.Header, packed.Header)
	}
	for _, same := range []string{tag, other, "W/" + tag, "W/" + other, `"x", ` + tag, "*"} {
		if resp, body := d.do("GET", path, "", "If-None-Match", same, "Accept-Encoding", "gzip"); resp.StatusCode != 304 || body != "" {
			t.Errorf("If-None-Match %s: got %d %s", same, resp.StatusCode, body)
		}
	}
	for _, no := range []string{`"x"`, strings.Trim(tag, `"`), `W/"x"`, `""`, `"`} {
		if resp, _ := d.do("GET", path, "", "If-None-Match", no); resp.StatusCode != 200 {
			t.Errorf("If-None-Match %s: got %d", no, resp.StatusCode)
		}
	}
	if resp, body := d.do("POST", path+"/pause", "", "If-Match", "W/"+other); resp.StatusCode != 202 {
		t.Errorf("If-Match %s: got %d %s", other, resp.StatusCode, body)
	}
	resp, body := d.do("POST", path+"/resume", "", "If-Match", other)
	problem(t, resp, body, 412, coordinator.Changed)
}
