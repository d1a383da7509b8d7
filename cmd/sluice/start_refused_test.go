package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRefusedStart: what a start is refused for is said before a server runs, with the exit code of
// wrong use whichever setting it is; and the context stays that of the cluster which runs.
func TestRefusedStart(t *testing.T) {
	t.Parallel()
	f := newFolder(t, map[string]string{"bad.key": "no key\n", "tls.yaml": "tls-listen-cert: c.pem\ntls-listen-key: c.pem\n", "c.pem": "no certificate\n", "issuer.yaml": "oidc-issuer: http://idp.example.com\noidc-audience: x\n"})
	first := f.up("")
	busy := strings.TrimPrefix(first.address(), "http://")
	before := f.read("contexts.yaml")
	const open, issuer, key = "0.0.0.0:0", " --oidc-audience x --oidc-issuer http://idp.example.com", " --secret-key-file bad.key"
	for args, want := range map[string]string{
		"up --listen " + open:                                       "the API does not listen on",
		"up --listen " + busy:                                       "--listen " + busy + ": another process listens there",
		"up --listen 127.0.0.1:0 --metrics-listen " + open:          "metrics does not listen on",
		"up --listen 127.0.0.1:0 --metrics-listen " + busy:          "--metrics-listen " + busy + ": another process listens there",
		"up --listen 127.0.0.1:0 --root /nope":                      "there is no folder /nope",
		"up --listen 127.0.0.1:0 --kinds nope_kind":                 "nope_kind",
		"up --listen 127.0.0.1:0" + issuer:                          "http://idp.example.com",
		"up --listen 127.0.0.1:0" + key:                             "secret-key-file",
		"coordinator --listen 127.0.0.1:0 --metrics-listen " + open: "metrics does not listen on",
		"coordinator --listen 127.0.0.1:0 --metrics-listen " + busy: "--metrics-listen " + busy,
		"coordinator --listen 127.0.0.1:0" + issuer:                 "http://idp.example.com",
		"worker --metrics-listen " + busy:                           "--metrics-listen " + busy,
		"worker --metrics-listen " + open:                           "metrics does not listen on",
	} {
		if strings.HasPrefix(args, "up ") {
			args += " --data-dir other"
		}
		r := f.must(3, "", args)
		if !strings.Contains(r.errs, want) || strings.Contains(r.errs, "context local") || strings.Contains(r.errs, "NATS server") {
			t.Errorf("%s: got %q, want %q, and no word of a context or a server", args, r.errs, want)
		}
	}
	if _, err := os.Stat(filepath.Join(f.dir, "other", "nats")); err == nil {
		t.Error("a server ran for a start that was refused")
	}
	if now := f.read("contexts.yaml"); now != before {
		t.Errorf("the contexts were\n%s, and are\n%s", before, now)
	}
	f.must(0, "", "jobs")
	f.steps([]step{{"config check issuer.yaml --for up", "", 3, "", "issuer.yaml:1:14: oidc-issuer: "}, {"config check tls.yaml --for worker", "", 3, "", "tls.yaml:1:18: tls-listen-cert: "}})
}

// TestStrayVariable: a variable that looks like a setting is warned of by the start, too, and not only
// by who asks; config check takes the settings file by the flag that services have, too.
func TestStrayVariable(t *testing.T) {
	t.Parallel()
	f := newFolder(t, map[string]string{"s.yaml": "max-running: 7\n"})
	f.env = []string{"SLUICE_MAX_RUNING=5", "SLUICE_POOOL=x"}
	f.up("").until("SLUICE_MAX_RUNING is no setting of up; did you mean SLUICE_MAX_RUNNING?")
	f.steps([]step{
		{"worker --nats nats://127.0.0.1:1", "", 4, "", "SLUICE_POOOL is no setting of worker; did you mean SLUICE_POOL?"},
		{"coordinator --listen 127.0.0.1:0 --nats nats://127.0.0.1:1", "", 4, "", "did you mean SLUICE_MAX_RUNNING?"},
		{"config check --for coordinator --config s.yaml", "", 0, "7                      s.yaml:1", "did you mean SLUICE_MAX_RUNNING?"},
		{"config check s.yaml --for coordinator --config other.yaml", "", 3, "", "s.yaml and --config other.yaml are given"},
	})
}
