package settings

import (
	"errors"
	"strings"
	"testing"
)

// TestCheckFindsAllAtOnce: what the start would refuse is found with its place, beside what is
// malformed.
func TestCheckFindsAllAtOnce(t *testing.T) {
	kinds := []string{"fetch_url", "regex_match"}
	for service, x := range map[string]struct {
		text string
		want []string // behind the file's name; those without a : at the start are anywhere
	}{
		"coordinator": {"listne: x\nlisten: 0.0.0.0:8420\nmetrics-listen: ':9090'\nmax-connections: -1\nmax-running: 0\nmax-jobs-per-user: -2\nreplicas: 2\n" +
			"origins:\n  - https://a.example\n  - https://b.example/x\n",
			[]string{`:1:1: "listne" is no setting`, ":2:9: listen: the API does not listen on 0.0.0.0:8420 without TLS", ":3:17: metrics-listen: metrics does not listen",
				":4:18: max-connections: -1 is less than 1", ":5:14: max-running: 0", ":6:20: max-jobs-per-user: -2", `:7:11: replicas: "2" is not one of 1, 3`, `:10:5: origins: "https://b.example/x"`}},
		"worker": {"kinds: [fetch_url, 'regex_*', fetch_ulr, 'q*']\nmetrics-listen: 10.0.0.1:1\nconcurrency: -1\ndrain-within: 0s\n",
			[]string{`:1:31: kinds: no kind fits "fetch_ulr"; did you mean fetch_url?`, `:1:42: kinds: no kind fits "q*"; sluice kinds lists them`,
				":2:17: metrics-listen: metrics does not listen", ":3:14: concurrency: -1", ":4:15: drain-within: 0s"}},
		"up": {"nats-listen: 0.0.0.0:4222\ncluster-listen: 0.0.0.0:6222\ncluster-name: c\nkinds: [nope_nope]\nfull-share: 0\nroot: /nope\n",
			[]string{":1:14: nats-listen: NATS does not listen", ":2:17: cluster-listen: the NATS cluster does not listen", `:4:9: kinds: no kind fits "nope_nope"`, ":5:13: full-share: 0", ":6:7: root: "}},
	} {
		path := file(t, x.text)
		_, err := Check(service, path, kinds, environment())
		var all Faults
		if !errors.As(err, &all) || len(all) != len(x.want) {
			t.Fatalf("%s: got %v, want %d faults", service, err, len(x.want))
		}
		for _, want := range x.want {
			if !strings.Contains(err.Error(), path+want) {
				t.Errorf("%s: got %v, want %s", service, err, want)
			}
		}
	}
	for _, x := range []struct{ service, text string }{
		{"coordinator", "listen: 0.0.0.0:8420\ninsecure-listen: true\nmetrics-listen: 127.0.0.1:0\n"},
		{"up", "nats-listen: localhost:4222\nkinds: [gate, 'fetch_*']\n"},
	} {
		if _, err := Check(x.service, file(t, x.text), kinds, environment()); err != nil {
			t.Errorf("%s: got %v", x.text, err)
		}
	}
	if _, err := Check("coordinator", file(t, "max-running: 3\n"), kinds, environment("SLUICE_MAX_RUNNING=0")); err == nil || !strings.Contains(err.Error(), "SLUICE_MAX_RUNNING: max-running: 0") {
		t.Errorf("got %v, want the variable", err)
	}
	path := file(t, "max-running: 3\n")
	if _, err := parseLine(t, environment(), "coordinator", "--config", path, "--max-running=0"); err == nil || strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want no place of a value that a flag gives", err)
	}
}
