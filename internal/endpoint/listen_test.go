package endpoint

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

// issue writes a certificate of 127.0.0.1 and its key, and returns their paths.
func issue(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, form, form, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// TestRule walks the addresses that there are, with and without TLS and leave.
func TestRule(t *testing.T) {
	cert, key := issue(t, t.TempDir(), "first")
	for _, x := range []struct {
		address  string
		tls      bool
		insecure bool
		refused  bool
		warned   bool
	}{
		{address: "127.0.0.1:0"},
		{address: "127.8.8.8:0"},
		{address: "localhost:0"},
		{address: "127.0.0.1:0", tls: true},
		{address: "127.0.0.1:0", insecure: true},
		{address: "0.0.0.0:0", refused: true},
		{address: ":0", refused: true},
		{address: "[::]:0", refused: true},
		{address: "192.0.2.1:0", refused: true},
		{address: "[::ffff:192.0.2.1]:0", refused: true},
		{address: "0.0.0.0:0", tls: true},
		{address: "0.0.0.0:0", insecure: true, warned: true},
		{address: "0.0.0.0:0", tls: true, insecure: true},
	} {
		var log bytes.Buffer
		c := Config{Address: x.address, Insecure: x.insecure, What: "the API", Log: hclog.New(&hclog.LoggerOptions{Output: &log})}
		if x.tls {
			c.Cert, c.Key = cert, key
		}
		l, err := Listen(t.Context(), c)
		if errors.Is(err, ErrExposed) != x.refused || err != nil && !x.refused {
			t.Errorf("%+v: got %v", x, err)
		}
		if strings.Contains(log.String(), "without TLS") != x.warned {
			t.Errorf("%+v: logged %q", x, log.String())
		}
		if l != nil {
			_ = l.Close()
		}
	}
}

// TestBadConfig refuses what can't be meant, before anything listens.
func TestBadConfig(t *testing.T) {
	cert, key := issue(t, t.TempDir(), "first")
	other, _ := issue(t, t.TempDir(), "other")
	for _, c := range []Config{
		{}, {Address: "127.0.0.1"}, {Address: "127.0.0.1:http"}, {Address: "127.0.0.1:65536"}, {Address: "127.0.0.1:-1"},
		{Address: "127.0.0.1:0", Cert: cert}, {Address: "127.0.0.1:0", Key: key}, {Address: "127.0.0.1:0", Cert: cert, Key: "/no/such/file"},
		{Address: "127.0.0.1:0", Cert: other, Key: key}, {Address: "no.such.host.invalid:0"},
	} {
		if l, err := Listen(t.Context(), c); err == nil {
			t.Errorf("%+v listens on %s", c, l.Addr())
		}
	}
}

// TestNames takes a name that means loopback and something else for what it may reach.
func TestNames(t *testing.T) {
	for _, x := range []struct{ all, want string }{
		{"127.0.0.1 192.0.2.1", "192.0.2.1"},
		{"192.0.2.1 127.0.0.1", "192.0.2.1"},
		{"::1 127.0.0.1", "127.0.0.1"},
		{"::1", "::1"},
		{"2001:db8::1 192.0.2.1", "192.0.2.1"},
	} {
		var all []netip.Addr
		for _, a := range strings.Fields(x.all) {
			all = append(all, netip.MustParseAddr(a))
		}
		if got := pick(all).String(); got != x.want {
			t.Errorf("%s: got %s, want %s", x.all, got, x.want)
		}
	}
}

// TestTLS speaks HTTP over TLS, and refuses plain HTTP and TLS below 1.2.
func TestTLS(t *testing.T) {
	cert, key := issue(t, t.TempDir(), "first")
	l, err := Listen(t.Context(), Config{Address: "127.0.0.1:0", Cert: cert, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }),
		ErrorLog: hclog.NewNullLogger().StandardLogger(nil)}
	go func() { _ = s.Serve(l) }()
	defer s.Close()
	at := l.Addr().String()
	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	answer, err := client.Get("https://" + at)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	if string(body) != "HTTP/2.0" || answer.TLS.Version < tls.VersionTLS12 {
		t.Errorf("got %s over TLS %x", body, answer.TLS.Version)
	}
	for _, v := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		if c, err := tls.Dial("tcp", at, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: v}); err == nil {
			c.Close()
			t.Errorf("TLS %x was taken", v)
		}
	}
	if answer, err := client.Get("http://" + at); err == nil {
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			t.Error("plain HTTP was served")
		}
	}
}

// TestRenewed gives a listener a new certificate, and then a broken one.
func TestRenewed(t *testing.T) {
	dir := t.TempDir()
	cert, key := issue(t, dir, "first")
	now := time.Now()
	k := &certificate{cert: cert, key: key, log: hclog.NewNullLogger(), now: func() time.Time { return now }}
	if err := k.read(); err != nil {
		t.Fatal(err)
	}
	name := func() string {
		t.Helper()
		pair, err := k.current(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf.Subject.CommonName
	}
	touch := func(ahead time.Duration) {
		for _, f := range []string{cert, key} {
			if err := os.Chtimes(f, now.Add(ahead), now.Add(ahead)); err != nil {
				t.Fatal(err)
			}
		}
	}
	issue(t, dir, "second")
	touch(time.Minute)
	if got := name(); got != "first" {
		t.Errorf("the files were looked at again at once: got %s", got)
	}
	now = now.Add(lookAgain)
	if got := name(); got != "second" {
		t.Errorf("got %s, want the new certificate", got)
	}
	if err := os.WriteFile(cert, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	touch(time.Hour)
	now = now.Add(lookAgain)
	if got := name(); got != "second" {
		t.Errorf("got %s, want the one before", got)
	}
}
