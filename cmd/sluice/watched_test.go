package main

import (
	"net"
	"strings"
	"testing"
)

// TestMetricsNeedAKey asks for what watches a service, without a key: on an address that others
// can reach probes are answered, and metrics are not.
func TestMetricsNeedAKey(t *testing.T) {
	t.Parallel()
	near := newFolder(t, nil).up("")
	far := newFolder(t, nil)
	open := far.up("--listen 0.0.0.0:0 --insecure-listen --metrics-listen 127.0.0.1:0")
	key := strings.TrimSpace(far.must(0, "", "keys create prometheus --role viewer").out)
	for _, x := range []struct {
		at        *process
		path, key string
		want      int
	}{
		{near, "/metrics", "", 200}, {near, "/readyz", "", 200},
		{open, "/healthz", "", 200}, {open, "/readyz", "", 200},
		{open, "/metrics", "", 401}, {open, "/metrics", "slu_guess", 401}, {open, "/metrics", key, 200},
	} {
		if got, _ := x.at.status(x.path, x.key); got != x.want {
			t.Errorf("sluice %s: %s with key %q: got %d, want %d", x.at.args, x.path, x.key, got, x.want)
		}
	}
	for address, want := range map[string]bool{"127.0.0.1:1": true, "[::1]:1": true, "[::ffff:127.0.0.1]:1": true, "0.0.0.0:1": false, "[::]:1": false, "192.0.2.1:1": false} {
		at, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if got := onLoopback(at); got != want {
			t.Errorf("%s: got %v", address, got)
		}
	}
}
