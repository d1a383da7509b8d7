package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestCredentialsWithoutTLS: a service says that it shows its credentials to a server of another
// machine without TLS, and goes on.
func TestCredentialsWithoutTLS(t *testing.T) {
	t.Parallel()
	f := newFolder(t, nil)
	f.must(0, "", "nats setup nats --project blue --max-store 1GiB")
	const warning = "asks for no TLS"
	for args, want := range map[string]string{
		"worker --nats nats://0.0.0.0:1 --nats-nkey nats/blue/worker.nk":                       warning,
		"worker --nats nats://127.0.0.1:1,nats://0.0.0.0:1 --nats-nkey nats/blue/worker.nk":    ": nats://0.0.0.0:1 " + warning,
		"coordinator --listen 127.0.0.1:0 --nats nats://0.0.0.0:1 --projects blue=nats/blue":   warning,
		"coordinator --listen 127.0.0.1:0 --nats nats://127.0.0.1:1 --projects blue=nats/blue": "",
		"worker --nats nats://localhost:1 --nats-nkey nats/blue/worker.nk":                     "",
		"worker --nats nats://0.0.0.0:1":                                                       "",
		"worker --nats tls://0.0.0.0:1 --nats-nkey nats/blue/worker.nk":                        "",
	} {
		r := f.must(4, "", args)
		if said := strings.Contains(r.errs, warning); said != (want != "") || !strings.Contains(r.errs, want) {
			t.Errorf("%s: got %q, want %q", args, r.errs, want)
		}
	}
}

// TestKeyWithoutTLS logs in over plain HTTP to another machine, behind a proxy that hears all:
// no key is sent there unless the user says so, and each command warns.
func TestKeyWithoutTLS(t *testing.T) {
	t.Parallel()
	var heard atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Authorization"), "the-key") {
			heard.Add(1)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"jobs":[]}`)
	}))
	t.Cleanup(proxy.Close)
	f := newFolder(t, nil)
	env := []string{"SLUICE_CONTEXTS=" + filepath.Join(f.dir, "contexts.yaml"), "HTTP_PROXY=" + proxy.URL, "http_proxy=" + proxy.URL, "NO_PROXY=", "no_proxy="}
	f.env = env
	const far = "http://cluster.example:8420"
	f.steps([]step{{"login " + far, "the-key\n", 3, "", "--insecure-http"}, {"login HTTP://cluster.example", "the-key\n", 3, "", "without TLS"}})
	if n := heard.Load(); n != 0 {
		t.Fatalf("the key was sent %d times", n)
	}
	f.steps([]step{
		{"login --insecure-http " + far, "the-key\n", 0, "", "context default is " + far},
		{"jobs", "", 0, "JOB", "warning: the key is sent to " + far + " without TLS"},
		{"jobs --server " + far, "", 0, "JOB", ""}, // without a key
	})
	if n := heard.Load(); n != 2 {
		t.Errorf("the key was sent %d times, want 2", n)
	}
	f.env = append(env, "SLUICE_KEY=the-key")
	f.steps([]step{{"jobs --server " + far, "", 0, "JOB", "warning: "}})
	f.env = append(env, insecureHTTP+"=1")
	f.steps([]step{{"login " + far + " --name other", "the-key\n", 0, "", "context other is"}})
	if r := f.must(0, "", "jobs"); strings.Contains(r.errs, "warning") {
		t.Errorf("got %q of who has said that it may be sent", r.errs)
	}
	for server, want := range map[string]bool{"http://127.0.0.1:8420": false, "http://[::1]:1": false, "http://localhost": false, "http://LOCALHOST:1": false, "https://a.example": false,
		"http://127.0.0.1.a.example": true, "http://localhost.a.example": true, "http://10.0.0.1:8420": true, "http://[fe80::1]": true} {
		if exposes(server) != want {
			t.Errorf("%s: got %v", server, !want)
		}
	}
}
