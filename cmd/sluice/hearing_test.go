package main

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/internal/bus/bustest"
)

// TestHangUp renews the certificate of a service and tells it by SIGHUP: it shows the new one at
// once, does not end, and what it had in hand goes on.
func TestHangUp(t *testing.T) {
	t.Parallel()
	f := newFolder(t, nil)
	authority := bustest.NewAuthority(t)
	issue := func(name string) {
		t.Helper()
		files := authority.Files(name)
		writeIn(t, f.dir, "c.pem", readFile(t, files.Cert))
		writeIn(t, f.dir, "k.pem", readFile(t, files.Key))
	}
	issue("first")
	if err := os.Chmod(filepath.Join(f.dir, "k.pem"), 0o600); err != nil {
		t.Fatal(err)
	}
	up := f.up("--tls-listen-cert c.pem --tls-listen-key k.pem")
	dial := func() *tls.Conn {
		t.Helper()
		conn, err := tls.Dial("tcp", strings.TrimPrefix(up.address(), "https://"), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	serial := func(c *tls.Conn) string { return c.ConnectionState().PeerCertificates[0].SerialNumber.String() }
	old := dial()
	first := serial(old)
	issue("second")
	began := time.Now()
	up.signal(syscall.SIGHUP)
	bustest.Eventually(t, "the new certificate is shown", func() bool { return serial(dial()) != first })
	if took := time.Since(began); took > bustest.Within(5*time.Second) {
		t.Errorf("it took %v", took)
	}
	up.until("told by SIGHUP")
	if _, err := old.Write([]byte("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 15)
	if _, err := old.Read(answer); err != nil || string(answer) != "HTTP/1.1 200 OK" {
		t.Errorf("a connection of before: got %q, %v", answer, err)
	}
	up.signal(syscall.SIGTERM)
	if code := up.exit(); code != 0 {
		t.Errorf("got exit code %d", code)
	}
}
