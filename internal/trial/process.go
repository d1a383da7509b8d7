package trial

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/internal/bus"
	"sluice/internal/bus/natsconf"
	"sluice/nodes"
	"sluice/recipe"
	"sluice/worker"
)

// WorkerEnv is the variable that tells a test binary that it is a worker, and which.
const WorkerEnv = "SLUICE_TRIAL_WORKER"

// order is what a worker process is told.
type order struct {
	URL, Dir, Name string
	Pool           string
	Seed           string // file; "" for a password
	Kinds          []string
	Secrets        map[string]string
	Deadline       time.Duration
	Loud           bool
}

// Main is the TestMain of a package whose rigs start processes. said is the value of
// WorkerEnv: where it is set, this process is a worker, and ends with its standard input.
func Main(m *testing.M, said string, c *nodes.Catalogue) int {
	if said == "" {
		return m.Run()
	}
	var o order
	err := json.Unmarshal([]byte(said), &o)
	if err == nil {
		err = work(o, c)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		return 1
	}
	return 0
}

func work(o order, c *nodes.Catalogue) error {
	root, err := os.OpenRoot(o.Dir)
	if err != nil {
		return err
	}
	defer root.Close()
	log := hclog.NewNullLogger()
	if o.Loud {
		log = hclog.New(&hclog.LoggerOptions{Name: o.Name, Level: hclog.Debug, Output: os.Stderr})
	}
	conn, err := bus.Dial(o.URL, o.Name, bus.Log(log.Named("conn")), shows(natsconf.Worker, o.Seed), bus.As(natsconf.Worker))
	if err != nil {
		return err
	}
	defer conn.Close()
	w, err := worker.New(worker.Config{Conn: conn, Catalogue: c, Name: o.Name, Serves: serves(o.Kinds, true), Root: root, Log: log, Pool: o.Pool, Deadline: o.Deadline,
		Secret: secretOf(o.Secrets)})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // the parent closes it, also by dying
		cancel()
	}()
	return w.Run(ctx)
}

// serves makes a worker's choice of steps from patterns of kinds. What needs the
// console or standard input stays in the coordinator's process.
func serves(kinds []string, away bool) func(*recipe.Step) bool {
	return func(s *recipe.Step) bool {
		if away && (s.Kind == recipe.KindPrinter || s.Kind == recipe.KindStdin) {
			return false
		}
		for _, k := range kinds {
			if ok, _ := path.Match(k, s.Kind); ok {
				return true
			}
		}
		return len(kinds) == 0
	}
}

// secretOf is how a worker asks for its secrets.
func secretOf(known map[string]string) func(context.Context, recipe.JobID, string, string) (string, error) {
	return func(_ context.Context, _ recipe.JobID, _, name string) (string, error) {
		if v, ok := known[name]; ok {
			return v, nil
		}
		return "", fmt.Errorf("this worker was not told it")
	}
}

// spawn starts a worker as a process, and returns what stops it.
func (r *Rig) spawn(o order) func() {
	r.t.Helper()
	o.URL, o.Dir, o.Deadline, o.Loud, o.Seed = r.server.URL(), r.Dir, r.config.Deadline, Loud, r.seed(natsconf.Worker)
	said, err := json.Marshal(o)
	if err != nil {
		r.t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(cmd.Environ(), WorkerEnv+"="+string(said))
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		r.t.Fatalf("start a worker process: %v", err)
	}
	r.pids = append(r.pids, cmd.Process.Pid)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return func() {
		in.Close()
		select {
		case err := <-ended:
			if err != nil {
				r.t.Errorf("worker process %s: %v", o.Name, err)
			}
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			r.t.Errorf("worker process %s did not end within 10 s", o.Name)
		}
	}
}

// Stdin is the standard input of a rig's jobs.
type Stdin struct {
	mu sync.Mutex
	r  *strings.Reader
}

// Set says what is to be read next.
func (s *Stdin) Set(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.r = strings.NewReader(text)
}

// Read implements io.Reader.
func (s *Stdin) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.r == nil {
		return 0, io.EOF
	}
	return s.r.Read(p)
}

// Console is where printers of a rig print.
type Console struct {
	mu sync.Mutex
	b  strings.Builder
}

// Write implements io.Writer.
func (c *Console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.b.Write(p)
}

// String returns what was printed so far.
func (c *Console) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.b.String()
}

// Take returns what was printed since the last call.
func (c *Console) Take() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.b.String()
	c.b.Reset()
	return s
}
