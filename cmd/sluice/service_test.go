package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/bus/natsconf"
)

// said is what a process has said.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// process is a command that runs while the test goes on.
type process struct {
	t         *testing.T
	args      string
	cmd       *exec.Cmd
	out, errs said
	ended     chan struct{}
}

func (f *folder) start(args string) *process {
	f.t.Helper()
	return f.startCommand(f.binary, strings.Fields(args)...)
}

func (f *folder) startCommand(name string, args ...string) *process {
	f.t.Helper()
	p := &process{t: f.t, args: strings.Join(args, " "), cmd: exec.Command(name, args...), ended: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = f.dir, append(os.Environ(), f.env...), &p.out, &p.errs
	if err := p.cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	go func() { defer close(p.ended); _ = p.cmd.Wait() }()
	f.t.Cleanup(func() { _ = p.cmd.Process.Kill(); <-p.ended })
	return p
}

// until waits for something to be said on stdout or stderr.
func (p *process) until(text string) {
	p.t.Helper()
	bustest.Eventually(p.t, "sluice "+p.args+" to say "+text, func() bool {
		select {
		case <-p.ended:
			p.t.Fatalf("sluice %s has ended without %q:\n%s%s", p.args, text, p.out.String(), p.errs.String())
		default:
		}
		return strings.Contains(p.out.String()+p.errs.String(), text)
	})
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// exit waits for the end and returns the exit code, -1 for one by a signal.
func (p *process) exit() int {
	p.t.Helper()
	bustest.Wait(p.t, "the end of sluice "+p.args, p.ended)
	return p.cmd.ProcessState.ExitCode()
}

var apiAddress = regexp.MustCompile(`https?://127\.0\.0\.1:\d+`)

// up starts a cluster in a folder, whose commands then ask it.
func (f *folder) up(more string) *process {
	f.t.Helper()
	f.env = append(f.env, "SLUICE_CONTEXTS="+filepath.Join(f.dir, "contexts.yaml"))
	p := f.start("up --data-dir data --listen 127.0.0.1:0 " + more)
	p.until("sluice is up: ")
	return p
}

func (p *process) address() string { return apiAddress.FindString(p.out.String()) }

// job is a job as the cluster knows it.
func (f *folder) job(id string) (j coordinator.Job) {
	f.t.Helper()
	if err := json.Unmarshal([]byte(f.must(0, "", "job -o json "+id).out), &j); err != nil {
		f.t.Fatal(err)
	}
	return j
}

// submit submits without waiting and returns the id.
func (f *folder) submit(args string) string {
	f.t.Helper()
	return strings.TrimSpace(f.must(0, "", "submit "+args).out)
}

// slow is a recipe whose job takes as long as it has records, each 1 ms.
const slow = `recipe: slow
params: {n: {type: int, default: 100000}}
nodes:
  n:     {kind: integer_generator, config: {count: "${n}", seed: 7}}
  wait:  {kind: delay, from: n, config: {duration: 1ms}}
  texts: {kind: to_string, from: wait}
  out:   {kind: file_writer, from: texts, config: {path: out/numbers.txt}}
`

// TestUpGoesOn ends sluice up with a job in hand: it rests in time, and the next start goes on
// with it, with the same key and nothing lost or doubled.
func TestUpGoesOn(t *testing.T) {
	t.Parallel()
	f := newFolder(t, map[string]string{"slow.yaml": slow})
	up := f.up("")
	for _, name := range []string{"contexts.yaml", "data/admin.key", "data/secrets.key"} {
		if info, err := os.Stat(filepath.Join(f.dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got %v, %v, want mode 0600", name, info, err)
		}
	}
	token := strings.TrimSpace(f.read("data/admin.key"))
	id := f.submit("slow.yaml -p n=1500")
	bustest.Eventually(t, "records", func() bool {
		j := f.job(id)
		return j.Progress != nil && j.Progress.Steps[len(j.Progress.Steps)-1].In > 0
	})
	began := time.Now()
	up.signal(syscall.SIGTERM)
	if code := up.exit(); code != 0 {
		t.Errorf("got exit code %d:\n%s", code, up.errs.String())
	}
	if took := time.Since(began); took > bustest.Within(11*time.Second) {
		t.Errorf("it took %v to end, want 10 s at most", took)
	}
	again := f.up("--log-level debug")
	if got := strings.TrimSpace(f.read("data/admin.key")); got != token {
		t.Error("the admin's key is another one")
	}
	if r := f.must(0, "", "logs -f @last"); !strings.Contains(r.out, "succeeded") {
		t.Errorf("got %q", r.out)
	}
	f.must(0, "", "artifacts download @last --to got")
	if lines := strings.Count(f.read("got/out/numbers.txt"), "\n"); lines != 1500 {
		t.Errorf("got %d lines, want 1500", lines)
	}
	for _, p := range []*process{up, again} {
		if text := p.out.String() + p.errs.String(); strings.Contains(text, token) || strings.Contains(text, token[len(token)-20:]) {
			t.Error("the admin's key is in the log")
		}
	}
}

// TestUpRefuses starts services where they can't be.
func TestUpRefuses(t *testing.T) {
	t.Parallel()
	f := newFolder(t, map[string]string{"file": ""})
	up := f.up("")
	at := strings.TrimPrefix(up.address(), "http://")
	if text := up.errs.String(); !strings.Contains(text, "NATS server: ") || strings.Contains(text, "nats://") {
		t.Errorf("without a port: got %q", text)
	}
	for args, want := range map[string]string{
		"up --data-dir data --listen 127.0.0.1:0":                      "--data-dir data: another process is using the folder",
		"up --data-dir other --listen " + at:                           "--listen " + at + ": another process listens there",
		"up --data-dir other --listen 0.0.0.0:0":                       "without TLS: other machines can reach it",
		"up --data-dir file/x --listen 127.0.0.1:0":                    "--data-dir: ",
		"up --data-dir other --listen nowhere":                         "is no address",
		"up --data-dir other --listen 127.0.0.1:0 --nats-listen :0":    "NATS does not listen",
		"up --data-dir other --listen 127.0.0.1:0 --nats-listen " + at: "--nats-listen " + at + ": another process listens there",
		"up --data-dir other --listen 127.0.0.1:0 --nats-listen 127.0.0.1:0 --cluster-name c --cluster-routes nats-route://127.0.0.1:1 --cluster-listen " + at: "--cluster-listen " + at + ": another process listens there",
		"coordinator --listen " + at + " --nats nats://127.0.0.1:1":   "another process listens there",
		"worker --nats nats://127.0.0.1:1 --concurrency=-1":           "concurrency",
		"up --data-dir other --listen 127.0.0.1:0 --log-level=louder": "--log-level",
	} {
		if r := f.must(3, "", args); !strings.Contains(r.errs, want) {
			t.Errorf("%s: got %q, want %q in it", args, r.errs, want)
		}
	}
	if r := f.must(4, "", "worker --nats nats://127.0.0.1:1"); !strings.Contains(r.errs, "127.0.0.1:1") {
		t.Errorf("got %q of a worker without a server", r.errs)
	}
}

// TestSecondSignal ends a service at once that has something in hand: a request that does not
// come to its end.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	f := newFolder(t, nil)
	up := f.up("--drain-within 1m")
	hang(t, up)
	up.signal(os.Interrupt)
	up.until("a second signal ends it at once")
	select {
	case <-up.ended:
		t.Fatal("it did not wait for the request")
	default:
	}
	up.signal(syscall.SIGTERM) // a shell may have its background jobs ignore an interrupt
	if code := up.exit(); code != -1 {
		t.Errorf("got exit code %d, want to be ended by the signal", code)
	}
}

// TestDrainWithin holds a service to its time, whatever is in hand.
func TestDrainWithin(t *testing.T) {
	t.Parallel()
	f := newFolder(t, nil)
	up := f.up("--drain-within 300ms")
	hang(t, up)
	began := time.Now()
	up.signal(syscall.SIGTERM)
	up.exit()
	if took := time.Since(began); took > bustest.Within(4*time.Second) {
		t.Errorf("it took %v", took)
	}
}

// hang sends half a request.
func hang(t *testing.T, up *process) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(up.address(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	token := strings.TrimSpace(readFile(t, filepath.Join(up.cmd.Dir, "data", "admin.key")))
	if _, err := conn.Write([]byte("POST /v1/recipes-archive HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token +
		"\r\nContent-Type: application/octet-stream\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 12)
	if _, err := conn.Read(answer); err != nil || string(answer) != "HTTP/1.1 100" {
		t.Fatalf("got %q, %v: the body is not read", answer, err)
	}
}

func readFile(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestSeparateProcesses runs a coordinator and two workers on a server that nats setup has
// configured, each with the credentials of its own, and ends all of them in time.
func TestSeparateProcesses(t *testing.T) {
	t.Parallel()
	f := newFolder(t, remoteFiles)
	f.env = []string{"SLUICE_CONTEXTS=" + filepath.Join(f.dir, "contexts.yaml")}
	f.must(0, "", "nats setup nats --project blue --max-store 1GiB")
	server := bustest.Start(t, bus.ServerConfig{Listen: "127.0.0.1:0", AccountsFile: filepath.Join(f.dir, "nats", natsconf.AccountsFile)})
	writeIn(t, f.dir, "secrets.key", base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))+"\n")
	if err := os.Chmod(filepath.Join(f.dir, "secrets.key"), 0o600); err != nil {
		t.Fatal(err)
	}
	coordinator := f.start("coordinator --nats " + server.URL() + " --projects blue=nats/blue --listen 127.0.0.1:0 --secret-key-file secrets.key --admin-keys .")
	coordinator.until("coordinator: http")
	f.must(0, f.read("blue.key"), "login "+coordinator.address())
	id := f.submit("ints.yaml -p log=@n.txt")
	bustest.Eventually(t, "the job to say what it waits for", func() bool { return f.job(id).Waiting != "" })
	if out := f.must(0, "", "pause @last").out + f.must(0, "", "job @last").out; strings.Contains(out, "records read") {
		t.Errorf("of a job that never ran: got\n%s", out)
	}
	f.must(0, "", "resume @last")
	f.steps([]step{ // an order that can't be followed now is told from one that was
		{"pause @last", "", 0, "", ": paused"},
		{"job @last", "", 0, "state      paused\n", ""},
		{"resume @last", "", 0, "", ": pending (no worker is here now)"},
		{"drain @last --wait 200ms", "", 5, "", "is still pending (no worker is here now) after 200ms; the order was taken"},
		{"pause @last", "", 0, "", ": paused"},
		{"resume @last --wait 1m", "", 0, "", ": pending (no worker is here now)"},
	})
	all := []*process{coordinator}
	for _, name := range []string{"one", "two"} {
		w := f.start("worker --nats " + server.URL() + " --nats-nkey nats/blue/worker.nk --pool lab --name " + name)
		w.until("works")
		all = append(all, w)
	}
	for _, p := range all { // which ends none of them
		p.signal(syscall.SIGHUP)
		p.until("told by SIGHUP")
	}
	f.steps([]step{
		{"logs -f @last", "", 0, "succeeded", ""},
		{"secrets set api-key", "the-canary-value\n", 0, "", ""},
		{"submit keyed.yaml -w", "", 0, "", "succeeded"},
		{"submit slow.yaml -p n=300 -w", "", 0, "", "succeeded"},
		{"keys check", "", 0, "project      blue", ""},
	})
	bustest.Eventually(t, "both workers to be listed", func() bool {
		out := f.must(0, "", "workers").out
		return strings.Contains(out, "one ") && strings.Contains(out, "two ") && strings.Contains(out, "lab")
	})
	for _, p := range all {
		p.signal(syscall.SIGTERM)
	}
	for _, p := range all {
		if code := p.exit(); code != 0 {
			t.Errorf("sluice %s: got exit code %d:\n%s", p.args, code, p.errs.String())
		}
		for _, canary := range []string{"the-canary-value", strings.TrimSpace(f.read("blue.key"))} {
			if strings.Contains(p.errs.String()+p.out.String(), canary) {
				t.Errorf("sluice %s: %q is in the log", p.args, canary)
			}
		}
	}
}

// TestServicesThatCantStart: what is wrong with the call of a service is told apart from a server
// that does not answer.
func TestServicesThatCantStart(t *testing.T) {
	t.Parallel()
	f := newFolder(t, map[string]string{"open.key": base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))})
	if err := os.Chmod(filepath.Join(f.dir, "open.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	nats := " --nats " + bustest.Start(t, bus.ServerConfig{Listen: "127.0.0.1:0"}).URL()
	f.steps([]step{
		{"worker --nats-nkey none.nk" + nats, "", 3, "", "none.nk"},
		{"worker --root none" + nats, "", 3, "", "there is no folder none"},
		{"worker --kinds nope_kind" + nats, "", 3, "", "nope_kind"},
		{"worker --nats nats://127.0.0.1:1", "", 4, "", "127.0.0.1:1"},
		{"coordinator --listen 127.0.0.1:0 --secret-key-file none.key" + nats, "", 3, "", "none.key"},
		{"coordinator --listen 127.0.0.1:0 --secret-key-file open.key" + nats, "", 3, "", "chmod 600"},
		{"coordinator --listen 127.0.0.1:0 --projects default=none" + nats, "", 3, "", "none"},
		{"up --listen 127.0.0.1:0 --data-dir d --root none", "", 3, "", "there is no folder none"},
		{"up --listen 127.0.0.1:0 --data-dir e --secret-key-file open.key", "", 3, "", "chmod 600"},
		{"jobs --server http://127.0.0.1:1", "", 4, "", "is it running"},
	})
}
