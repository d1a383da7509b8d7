package net

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/nodes"
	"sluice/recipe"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// fetch feeds from a URL with a guard and returns lines, losses and the error.
func fetch(t *testing.T, g *Guard, skip int64, config string) (lines, lost []string, err error) {
	t.Helper()
	node, err := FetchURL.Build([]byte(config), &nodes.Env{Dial: g.Dial})
	if err != nil {
		return nil, nil, err
	}
	err = node.(nodes.Feed).Feed(t.Context(), skip, func(r nodes.Record) error {
		lines = append(lines, r.Text())
		return nil
	}, func(reason error) error {
		lost = append(lost, reason.Error())
		return nil
	})
	return lines, lost, err
}

func site(t *testing.T) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("/lines", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "a\nb\r\n\nlast\xff") })
	mux.HandleFunc("/long", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "first\n")
		for range recipe.MaxRecord/(1<<20) + 1 {
			io.WriteString(w, strings.Repeat("x", 1<<20))
		}
		io.WriteString(w, "\nlast\n")
	})
	mux.HandleFunc("/status/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "7")
		var code int
		fmt.Sscan(strings.TrimPrefix(r.URL.Path, "/status/"), &code)
		w.WriteHeader(code)
	})
	mux.HandleFunc("/to", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Query().Get("u"), http.StatusFound)
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/hang", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/cut", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "a\n")
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestFetchEmitsLines(t *testing.T) {
	s, g := site(t), &Guard{Allow: loopback}
	lines, lost, err := fetch(t, g, 0, `{"url":"`+s.URL+`/lines"}`)
	if want := "a|b||last\xff"; strings.Join(lines, "|") != want || lost != nil || err != nil {
		t.Errorf("got %q, %q, %v, want %q", lines, lost, err, want)
	}
	if lines, _, err := fetch(t, g, 2, `{"url":"`+s.URL+`/lines"}`); strings.Join(lines, "|") != "|last\xff" || err != nil {
		t.Errorf("with two lines skipped: got %q, %v", lines, err)
	}
	lines, lost, err = fetch(t, g, 0, `{"url":"`+s.URL+`/long"}`)
	if strings.Join(lines, "|") != "first|last" || len(lost) != 1 || !strings.Contains(lost[0], "line 2 has") || err != nil {
		t.Errorf("a long line: got %d lines, lost %q, %v", len(lines), lost, err)
	}
	if lines, _, err := fetch(t, g, 0, `{"url":"`+s.URL+`/to?u=/lines"}`); len(lines) != 4 || err != nil {
		t.Errorf("redirected: got %q, %v", lines, err)
	}
}

func TestFetchFaults(t *testing.T) {
	s := site(t)
	for _, row := range []struct {
		config, want string
		permanent    bool
	}{
		{`{"url":"` + s.URL + `/lines","max_bytes":3}`, "max_bytes", true},
		{`{"url":"` + s.URL + `/status/404?key=hidden"}`, "404 Not Found", true},
		{`{"url":"` + s.URL + `/status/503"}`, "503", false},
		{`{"url":"` + s.URL + `/status/429"}`, "429", false},
		{`{"url":"` + s.URL + `/loop"}`, "more than 5 times", true},
		{`{"url":"` + s.URL + `/to?u=/lines","redirects":0}`, "more than 0 times", true},
		{`{"url":"` + s.URL + `/to?u=file:///etc/passwd"}`, "scheme", true},
		{`{"url":"` + s.URL + `/to?u=http://169.254.169.254/latest"}`, "link-local", true},
		{`{"url":"` + s.URL + `/hang","timeout":"50ms"}`, "deadline", false},
		{`{"url":"` + s.URL + `/cut"}`, "unexpected EOF", false},
		{`{"url":"file:///etc/passwd"}`, "url", false},
		{`{"url":"gopher://example.com/"}`, "scheme", false},
	} {
		_, _, err := fetch(t, &Guard{Allow: loopback}, 0, row.config)
		if err == nil || !strings.Contains(err.Error(), row.want) || nodes.IsPermanent(err) != row.permanent {
			t.Errorf("%s: got %v (permanent %v), want %q, permanent %v", row.config, err, nodes.IsPermanent(err), row.want, row.permanent)
		}
		if err != nil && strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: the error %v tells the query", row.config, err)
		}
	}
	_, _, err := fetch(t, &Guard{Allow: loopback}, 0, `{"url":"`+s.URL+`/status/503"}`)
	if after, ok := nodes.AfterOf(err); !ok || after != 7*time.Second {
		t.Errorf("got %v, %v, want 7s of Retry-After", after, ok)
	}
}

func TestRedirectsDoNotLoseTheirTLS(t *testing.T) {
	f := &fetchURL{cfg: fetchConfig{Redirects: 5}}
	secure, plain := &http.Request{URL: &url.URL{Scheme: "https"}}, &http.Request{URL: &url.URL{Scheme: "http"}}
	if err := f.redirect(plain, []*http.Request{secure}); !nodes.IsPermanent(err) {
		t.Errorf("https to http: got %v, want a permanent error", err)
	}
	if err := f.redirect(secure, []*http.Request{plain}); err != nil {
		t.Errorf("http to https: got %v", err)
	}
}

func TestTheGuardRefusesByDefault(t *testing.T) {
	s := site(t)
	if _, _, err := fetch(t, &Guard{}, 0, `{"url":"`+s.URL+`/lines"}`); !nodes.IsPermanent(err) || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("got %v, want loopback to be refused", err)
	}
	if _, _, err := fetch(t, &Guard{Allow: loopback}, 0, `{"url":"`+s.URL+`/lines"}`); err != nil {
		t.Errorf("allowed: got %v", err)
	}
	if _, err := (&Guard{}).Dial(t.Context(), "unix", "/tmp/x"); !nodes.IsPermanent(err) {
		t.Errorf("a unix socket: got %v, want a permanent error", err)
	}
}

// TestRebinding has a name that is public when it is asked for first, and loopback
// when the connection is made.
func TestRebinding(t *testing.T) {
	const name = "rebound.example.com"
	var asked atomic.Int32 // for addresses of IPv4
	answer := func() netip.Addr {
		if asked.Add(1) == 1 {
			return netip.MustParseAddr("93.184.215.14")
		}
		return netip.MustParseAddr("127.0.0.1")
	}
	g := &Guard{Resolver: &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go answerDNS(server, answer) // ends when the client closes the pipe
		return client, nil
	}}}
	first, err := g.Resolver.LookupNetIP(t.Context(), "ip4", name)
	if err != nil || len(first) != 1 || g.Check(first[0]) != nil {
		t.Fatalf("the first answer: got %v, %v, want one public address", first, err)
	}
	_, err = g.Dial(t.Context(), "tcp", name+":80")
	if !nodes.IsPermanent(err) || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("got %v after %d questions, want the resolved address to be refused", err, asked.Load())
	}
}

// answerDNS answers questions for an A record over a stream, by what answer says.
func answerDNS(c net.Conn, answer func() netip.Addr) {
	defer c.Close()
	for {
		head := make([]byte, 2)
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		q := make([]byte, int(head[0])<<8|int(head[1]))
		if _, err := io.ReadFull(c, q); err != nil {
			return
		}
		end := 12
		for q[end] != 0 {
			end += int(q[end]) + 1
		}
		end += 5
		reply := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, q[12:end]...)
		if kind := q[end-3]; kind == 1 {
			reply[7] = 1
			reply = append(append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4), answer().AsSlice()...)
		}
		if _, err := c.Write(append([]byte{byte(len(reply) >> 8), byte(len(reply))}, reply...)); err != nil {
			return
		}
	}
}

func TestAddresses(t *testing.T) {
	g := &Guard{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::1/128")}}
	for _, s := range []string{"8.8.8.8", "2606:4700::1111", "10.1.2.3", "::ffff:10.1.2.3", "fd00::1", "172.32.0.1", "100.128.0.1"} {
		if err := g.Check(netip.MustParseAddr(s)); err != nil {
			t.Errorf("%s: got %v, want it allowed", s, err)
		}
	}
	for _, s := range []string{
		"127.0.0.1", "127.255.255.254", "::1", "0.0.0.0", "::", "10.2.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "fe80::1", "fe80::1%eth0", "fd00::2",
		"::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::", "::127.0.0.1", "100.64.0.1", "224.0.0.1", "ff02::1", "255.255.255.255", "240.0.0.1", "0.1.2.3", "fec0::1",
	} {
		if err := g.Check(netip.MustParseAddr(s)); !nodes.IsPermanent(err) {
			t.Errorf("%s: got %v, want it refused", s, err)
		}
	}
	if err := g.Check(netip.Addr{}); err == nil {
		t.Error("no address: got no error")
	}
}

func FuzzFeedLines(f *testing.F) {
	f.Add([]byte("a\r\nb\n\nc"), int64(1))
	f.Fuzz(func(t *testing.T, body []byte, skip int64) {
		n := int64(0)
		err := feedLines(strings.NewReader(string(body)), skip, "body", func(r nodes.Record) error {
			n++
			return nil
		}, func(err error) error { return err })
		want := int64(strings.Count(string(body), "\n"))
		if len(body) > 0 && body[len(body)-1] != '\n' {
			want++
		}
		if want = max(want-max(skip, 0), 0); err != nil && !errors.Is(err, io.EOF) || n != want {
			t.Errorf("%q: got %d lines, %v, want %d", body, n, err, want)
		}
	})
}
