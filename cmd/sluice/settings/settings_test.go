package settings

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// command is a command line with two services and a command that is none.
type command struct {
	Coordinator struct{ Coordinator } `cmd:""`
	Worker      struct{ Worker }      `cmd:""`
	Run         struct {
		Root string `default:"."`
	} `cmd:""`
}

func environment(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, p := range pairs {
			if k, v, _ := strings.Cut(p, "="); k == name {
				return v, true
			}
		}
		return "", false
	}
}

func parseLine(t *testing.T, env func(string) (string, bool), args ...string) (*command, error) {
	t.Helper()
	c := &command{}
	app, err := kong.New(c, Times(), kong.Resolvers(NewResolver(env)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = app.Parse(args)
	return c, err
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPrecedence sets one setting in all ways, and takes them away one after the other.
func TestPrecedence(t *testing.T) {
	path := file(t, "pool: file\nkinds: ['a,b', c]\n")
	env := environment("SLUICE_POOL=env", "SLUICE_ROOT=/env")
	none := environment()
	for _, x := range []struct {
		env  func(string) (string, bool)
		args []string
		want string
	}{
		{env, []string{"worker", "--config", path, "--pool", "flag"}, "flag"},
		{env, []string{"worker", "--config", path}, "env"},
		{none, []string{"worker", "--config", path}, "file"},
		{environment("SLUICE_CONFIG=" + path), []string{"worker"}, "file"},
		{environment("SLUICE_CONFIG="+path, "SLUICE_POOL="), []string{"worker"}, "file"},
		{none, []string{"worker"}, ""},
	} {
		c, err := parseLine(t, x.env, x.args...)
		if err != nil || c.Worker.Pool != x.want {
			t.Errorf("%v: got %q, %v, want %q", x.args, c.Worker.Pool, err, x.want)
		}
		if slices.Contains(x.args, path) && !slices.Equal(c.Worker.Kinds, []string{"a,b", "c"}) {
			t.Errorf("got kinds %q", c.Worker.Kinds)
		}
	}
	if c, err := parseLine(t, env, "run"); err != nil || c.Run.Root != "." {
		t.Errorf("a command that is no service got root %q, %v", c.Run.Root, err)
	}
}

// TestTyped reads every type from a file and from the environment.
func TestTyped(t *testing.T) {
	path := file(t, `
nats: [nats://a:4222, tls://b:4222]
projects: [one=/a.creds, two=/b.creds]
replicas: 3
insecure-listen: true
max-body: 2MiB
history: 36h
trace-share: 1
`)
	c, err := parseLine(t, environment("SLUICE_ORIGINS=https://a.example,https://b.example", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318"),
		"coordinator", "--config", path)
	if err != nil {
		t.Fatal(err)
	}
	got := &c.Coordinator
	want := Coordinator{Projects: []Project{{"one", "/a.creds"}, {"two", "/b.creds"}}, Replicas: 3}
	if !slices.Equal(got.Projects, want.Projects) || got.Replicas != 3 || !got.InsecureListen || got.MaxBody != 2<<20 || got.History != 36*time.Hour ||
		got.TraceShare != 1 || !slices.Equal(got.URLs, []string{"nats://a:4222", "tls://b:4222"}) ||
		!slices.Equal(got.Origins, []string{"https://a.example", "https://b.example"}) || got.OTLPEndpoint != "http://127.0.0.1:4318" {
		t.Errorf("got %+v", got)
	}
	w, err := parseLine(t, environment("SLUICE_ALLOW_NET=10.0.0.0/8,192.168.1.7", "SLUICE_CONCURRENCY=7", "SLUICE_DRAIN_WITHIN=3s"), "worker")
	if err != nil || fmt.Sprint(w.Worker.AllowNet) != "[10.0.0.0/8 192.168.1.7/32]" || w.Worker.Concurrency != 7 || w.Worker.DrainWithin != 3*time.Second {
		t.Errorf("got %+v, %v", w.Worker.Work, err)
	}
}

// TestFaults holds every fault of a file to its place, and all to be told at once.
func TestFaults(t *testing.T) {
	for _, x := range []struct{ text, want string }{
		{"listne: 127.0.0.1:1", `1:1: "listne" is no setting of coordinator; did you mean listen?`},
		{"pool: x", `1:1: pool is no setting of coordinator, but of worker and up`},
		{"qqqqqq: x", `1:1: "qqqqqq" is no setting of coordinator`},
		{"config: x", `1:1: config names the file, and can't be set in it`},
		{"\nreplicas: '3'", `2:11: replicas is a whole number, not a text`},
		{"replicas: 2", `1:11: replicas: "2" is not one of 1, 3`},
		{"insecure-listen: 1", `1:18: insecure-listen is true or false, not a number`},
		{"listen: 8420", `1:9: listen is a text, not a number; put it in quotes`},
		{"history: 7", `1:10: history is a time such as 90s, 24h or 7d, not a number`},
		{"history: 7w", `1:10: history: "7w" is not a time such as 90s, 24h or 7d`},
		{"max-body: lots", `1:11: max-body: "lots" is no size; one is written like 8MiB`},
		{"nats: nats://a", `1:7: nats is a list; each value is a text`},
		{"nats: [nats://a, 7]", `1:18: nats is a text, not a number; put it in quotes`},
		{"projects: [a=b, ../etc=x]", `1:17: projects: "../etc=x" is no project; one is written like name=FILE, and its name has small letters, digits, - and _`},
		{"log-level: loud", `1:12: log-level: "loud" is not one of trace, debug, info, warn, error, off`},
		{"name: a\nname: b", `2:1: name is set twice, first in line 1`},
		{"name:", `1:6: name is a text, not nothing`},
		{"name: {a: b}", `1:7: name is a text, not a map`},
		{"a: &x b\nname: *x", `2:7: name is a text, not an alias`},
		{"- name", `1:1: a settings file is a map from names to values, such as log-level: info`},
		{"name: a\n---\nname: b", `2:1: a settings file holds one document`},
		{"name: a\n  b: [", `2:1: no YAML: mapping values are not allowed in this context`},
	} {
		path := file(t, x.text)
		_, err := parseLine(t, environment(), "coordinator", "--config", path)
		if err == nil || !strings.Contains(err.Error(), path+":"+x.want) {
			t.Errorf("%q: got %v\nwant …:%s", x.text, err, x.want)
		}
	}
	path := file(t, "listne: x\nreplicas: no\n")
	_, err := parseLine(t, environment("SLUICE_HISTORY=soon", "SLUICE_LOG_FORMAT=xml"), "coordinator", "--config", path)
	var all Faults
	if !errors.As(err, &all) || len(all) != 4 {
		t.Errorf("got %v, want four faults", err)
	}
	for _, want := range []string{"listne", "replicas", `SLUICE_HISTORY: "soon" is not a time`, `SLUICE_LOG_FORMAT: "xml" is not one of text, json`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := parseLine(t, environment("SLUICE_CONFIG=/no/such/file"), "coordinator"); err == nil || !strings.Contains(err.Error(), "/no/such/file") {
		t.Errorf("got %v for a file that is not there", err)
	}
	if _, err := parseLine(t, environment(), "coordinator", "--config", file(t, "name: "+strings.Repeat("x", maxFile))); err == nil {
		t.Error("a file over the bound was read")
	}
	for _, text := range []string{"", "# nothing\n", "---\n"} {
		if _, err := parseLine(t, environment(), "coordinator", "--config", file(t, text)); err != nil {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

// TestTogether finds settings that don't go together, whatever they come from, and no secret in
// what it says.
func TestTogether(t *testing.T) {
	for _, x := range []struct {
		args []string
		want string
	}{
		{[]string{"coordinator", "--tls-listen-cert=a"}, "tls-listen-cert needs tls-listen-key"},
		{[]string{"coordinator", "--tls-key=a"}, "tls-key needs tls-cert"},
		{[]string{"coordinator", "--oidc-issuer=https://i.example"}, "oidc-issuer needs oidc-audience"},
		{[]string{"coordinator", "--oidc-roles=staff=root"}, `"staff=root" maps no word to a role`},
		{[]string{"coordinator", "--oidc-roles=a=viewer,a=admin"}, "oidc-roles: a is there twice"},
		{[]string{"coordinator", "--listen=8420"}, `listen: "8420" is no address`},
		{[]string{"coordinator", "--max-body=1B"}, "max-body: 1B is not from"},
		{[]string{"coordinator", "--origins=https://a.example/x"}, "is no origin"},
		{[]string{"coordinator", "--projects=a=x,a=y"}, "projects: a is there twice"},
		{[]string{"coordinator", "--projects=a=x,b=./x"}, "projects: a=x and b=./x have the same credentials"},
		{[]string{"coordinator", "--max-running=0"}, "max-running: 0"},
		{[]string{"coordinator", "--history=1s"}, "history: 1s"},
		{[]string{"worker", "--nats-creds=a", "--nats-nkey=b"}, "nats-creds and nats-nkey"},
		{[]string{"worker", "--nats=nats://me:hunter2@h"}, `nats: "nats://***@h" holds a user`},
		{[]string{"worker", "--nats=me:hunter2@h"}, `nats: "***@h" is no URL`},
		{[]string{"worker", "--otlp-endpoint=https://hunter2@h"}, "otlp-endpoint: "},
		{[]string{"worker", "--trace-share=1.5"}, "trace-share: 1.5"},
		{[]string{"worker", "--trace-share=NaN"}, "trace-share: NaN"},
		{[]string{"worker", "--concurrency=-1"}, "concurrency: -1"},
		{[]string{"worker", "--full-share=1.5"}, "full-share: 1.5"},
		{[]string{"worker", "--full-share=0"}, "full-share: 0"},
		{[]string{"worker", "--kinds=[a"}, `kinds: "[a" is no pattern`},
		{[]string{"worker", "--drain-within=2h"}, "drain-within: 2h"},
	} {
		_, err := parseLine(t, environment(), x.args...)
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%v: got %v, want %s", x.args, err, x.want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v: %v holds a secret", x.args, err)
		}
	}
	u := Up{Embedded: Embedded{ClusterName: "c", Replicas: 3, ClusterRoutes: []string{"x"}}}
	if f := Faults(u.Embedded.faults()).Error(); !strings.Contains(f, "cluster-name needs cluster-listen") || !strings.Contains(f, "cluster-routes: ") {
		t.Errorf("got %s", f)
	}
}

// TestCheck asks where values come from.
func TestCheck(t *testing.T) {
	path := file(t, "\npool: gpu\nallow-net: [10.0.0.0/8, 10.1.0.0/16]\n")
	rows, err := Check("worker", path, nil, environment("SLUICE_LOG_LEVEL=debug"))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Row{}
	for _, r := range rows {
		got[r.Name] = r
	}
	for _, want := range []Row{
		{"pool", "gpu", path + ":2"},
		{"allow-net", "10.0.0.0/8,10.1.0.0/16", path + ":3"},
		{"log-level", "debug", "$SLUICE_LOG_LEVEL"},
		{"log-format", "text", "default"},
		{"config", path, "command line"},
		{"drain-within", "10s", "default"},
	} {
		if got[want.Name] != want {
			t.Errorf("got %+v, want %+v", got[want.Name], want)
		}
	}
	if _, err := Check("nobody", "", nil, environment()); err == nil {
		t.Error("a service that is none was checked")
	}
	if got := shown(&kong.Flag{Value: &kong.Value{Target: reflect.ValueOf([]string{"nats://hunter2@h:1"})}}); got != "nats://***@h:1" {
		t.Errorf("got %s", got)
	}
	strays := Strays("worker", []string{"SLUICE_KIND=x", "SLUICE_KINDS=y", "SLUICE_ORIGINS=z", "PATH=p"})
	for _, name := range []string{"CONTEXT", "CONTEXTS", "KEY", "SERVER", "CA", "INSECURE_HTTP", "SECRET_KEY", "SECRET_NATS_NKEY", "SEED", "SEEDS", "KILLS", "DATA", "FIGURES", "PORT", "PORT_8420_TCP", "SERVICE_HOST"} {
		for _, service := range Services {
			if got := Strays(service, []string{"SLUICE_" + name + "=x"}); len(got) > 0 {
				t.Errorf("%s: got %q of what others read", service, got)
			}
		}
	}
	if len(strays) != 1 || strays[0] != "SLUICE_KIND is no setting of worker; did you mean SLUICE_KINDS?" {
		t.Errorf("got %q", strays)
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]Size{"8MiB": 8 << 20, "1KiB": 1 << 10, "2GiB": 2 << 30, "5MB": 5e6, "17": 17, "17B": 17} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%s: got %d, %v", text, s, err)
		}
		var again Size
		if err := again.UnmarshalText([]byte(s.String())); err != nil || again != s {
			t.Errorf("%s is written as %s, which is %d, %v", text, s, again, err)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "1.5MiB", "9999999999GiB", "8MiBMiB", "8 elephants", "KiB8"} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %d bytes", text, s)
		}
	}
}

// TestEverySetting holds each to a group and a sentence, by which docs/configuration.md is
// written, and to a name that means the same for all services.
func TestEverySetting(t *testing.T) {
	types := map[string]reflect.Type{}
	for _, s := range Services {
		_, flags, err := model(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range flags {
			if f.Group == nil || !strings.HasSuffix(f.Help, ".") {
				t.Errorf("%s of %s has no group or no sentence", f.Name, s)
			}
			if first := types[f.Name]; first != nil && first != f.Target.Type() {
				t.Errorf("%s is a %s here and a %s there", f.Name, first, f.Target.Type())
			}
			types[f.Name] = f.Target.Type()
		}
	}
	if len(types) < 40 {
		t.Errorf("got %d settings", len(types))
	}
}

func TestSyncs(t *testing.T) {
	for text, want := range map[string]Sync{"always": {Always: true}, "2m": {Every: 2 * time.Minute}, "1s": {Every: time.Second}} {
		var s, again Sync
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%s: got %+v, %v", text, s, err)
		}
		if err := again.UnmarshalText([]byte(s.String())); err != nil || again != s {
			t.Errorf("%s is written as %s, which is %+v, %v", text, s, again, err)
		}
	}
	for _, text := range []string{"", "never", "0s", "-1m", "10ms", "2h", "7"} {
		if err := new(Sync).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
	path := file(t, "nats-sync: 10ms\n")
	if _, err := Check("up", path, nil, environment()); err == nil || !strings.Contains(err.Error(), path+`:1:12: nats-sync: "10ms" is neither always nor a time`) {
		t.Errorf("got %v", err)
	}
}
