package trial

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/coordinator/job"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/bus/natsconf"
	"sluice/nodes"
	"sluice/recipe"
	"sluice/worker"
)

// Mode says where the workers are.
type Mode string

// The modes.
const (
	OneProcess Mode = "one process"
	Processes  Mode = "processes"
)

// Config describes a rig. The zero value works: one worker in the process, or two that
// are processes, which serve all kinds.
type Config struct {
	Catalogue *nodes.Catalogue
	// Workers are the kinds that each worker serves, as patterns of path.Match; an empty
	// list is all kinds.
	Workers [][]string
	Pools   []string // of the workers, by their place in Workers; none is every pool
	// Secrets are what each worker knows, by name, by their place in Workers; those beyond
	// know none.
	Secrets []map[string]string
	// Setup is a folder that natsconf.Setup wrote, whose project "trial" runs the jobs; "" for
	// rights of the same sort with passwords.
	Setup   string
	Idle    bool          // start without workers; Rig.Hire starts them
	AckWait time.Duration // of the jobs; see job.Config
	Lease   time.Duration
	Stall   time.Duration
	// Deadline is that of the workers' nodes; see worker.Config.
	Deadline time.Duration
	Fail     worker.Failpoint // of the workers, for [OneProcess] alone
	Share    float64          // of the 50 % rule, for OneProcess alone; see worker.Config
	// Tune changes the workers' settings, for OneProcess alone.
	Tune func(*worker.Config)
	Log  hclog.Logger // nil says nothing, or all there is when [Loud] is set
}

// Rig is a server with workers, on which jobs run. It ends with its test.
type Rig struct {
	Mode    Mode
	Dir     string // the root of all nodes
	Conn    *bus.Conn
	Console Console
	Stdin   Stdin

	config  Config
	t       testing.TB
	server  *bus.Server
	log     hclog.Logger
	workers []func() // stop them
	pids    []int    // of workers that are processes
}

// Each runs a test once in each mode, on a new rig.
func Each(t *testing.T, c Config, f func(t *testing.T, r *Rig)) {
	for _, m := range []Mode{OneProcess, Processes} {
		t.Run(string(m), func(t *testing.T) { f(t, New(t, m, c)) })
	}
}

// New starts a server and its workers.
func New(t testing.TB, m Mode, c Config) *Rig {
	t.Helper()
	listen := ""
	if m == Processes {
		listen = "127.0.0.1:0"
	}
	if c.Catalogue == nil {
		c.Catalogue = Catalogue()
	}
	if m == Processes && (c.Fail != nil || c.Share != 0 || c.Tune != nil) {
		t.Fatal("a rig of processes can't be told a failpoint, a share or other settings")
	}
	if c.Log == nil {
		c.Log = logger(t)
	}
	r := &Rig{Mode: m, Dir: t.TempDir(), config: c, t: t, log: c.Log}
	server := bus.ServerConfig{Listen: listen, Log: watchful(t, r.log), Accounts: accounts}
	if c.Setup != "" {
		server.Accounts, server.AccountsFile = nil, filepath.Join(c.Setup, natsconf.AccountsFile)
	}
	r.server = bustest.Start(t, server)
	r.Conn = bustest.Connect(t, r.server, shows(natsconf.Coordinator, r.seed(natsconf.Coordinator)))
	if err := job.EnsureJobs(context.Background(), r.Conn, 1); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Dismiss)
	if !c.Idle {
		r.Hire()
	}
	return r
}

// logger says nothing, or all there is when the tests are verbose about it.
func logger(t testing.TB) hclog.Logger {
	if !Loud {
		return hclog.NewNullLogger()
	}
	return hclog.New(&hclog.LoggerOptions{Name: filepath.Base(t.Name()), Level: hclog.Debug, Output: os.Stderr})
}

// Loud makes rigs log to stderr.
var Loud bool

// Hire starts workers that serve these kinds; without any, the rig's own.
func (r *Rig) Hire(teams ...[]string) {
	r.t.Helper()
	if teams == nil {
		teams = r.config.Workers
	}
	if teams == nil {
		teams = [][]string{nil}
		if r.Mode == Processes {
			teams = [][]string{nil, nil}
		}
	}
	if r.Mode == Processes {
		r.workers = append(r.workers, r.local(worker.Config{Name: "console", Pool: worker.EveryPool,
			Serves: func(s *recipe.Step) bool { return s.Kind == recipe.KindPrinter || s.Kind == recipe.KindStdin }}))
	}
	for i, kinds := range teams {
		name, pool := fmt.Sprintf("w%d-%d", len(r.workers), i), worker.EveryPool
		if i < len(r.config.Pools) {
			pool = r.config.Pools[i]
		}
		var secrets map[string]string
		if i < len(r.config.Secrets) {
			secrets = r.config.Secrets[i]
		}
		if r.Mode == Processes {
			r.workers = append(r.workers, r.spawn(order{Name: name, Kinds: kinds, Pool: pool, Secrets: secrets}))
		} else {
			r.workers = append(r.workers, r.local(worker.Config{Name: name, Fail: r.config.Fail, Serves: serves(kinds, false), Pool: pool, Secret: secretOf(secrets)}))
		}
	}
}

// Dismiss stops the rig's workers, and waits until they are gone.
func (r *Rig) Dismiss() {
	var all sync.WaitGroup
	for _, stop := range r.workers {
		all.Go(stop)
	}
	all.Wait()
	r.workers, r.pids = nil, nil
}

// Resident returns the resident memory of the rig's processes, this one among them, in
// bytes; 0 where the system does not tell.
func (r *Rig) Resident() (sum uint64) {
	for _, pid := range append([]int{os.Getpid()}, r.pids...) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		var size, resident uint64
		if err == nil {
			_, err = fmt.Sscan(string(text), &size, &resident)
		}
		if err == nil {
			sum += resident * uint64(os.Getpagesize())
		}
	}
	return sum
}

// local starts a worker in this process, and returns what stops it. c says who it is.
func (r *Rig) local(c worker.Config) func() {
	r.t.Helper()
	root, err := os.OpenRoot(r.Dir)
	if err != nil {
		r.t.Fatal(err)
	}
	conn, err := r.server.Connect(c.Name, shows(natsconf.Worker, r.seed(natsconf.Worker)), bus.As(natsconf.Worker))
	if err != nil {
		r.t.Fatal(err)
	}
	c.Conn, c.Catalogue, c.Root, c.Stdin, c.Console, c.Log = conn, r.config.Catalogue, root, &r.Stdin, &r.Console, r.log.Named(c.Name)
	c.Deadline, c.FullShare = r.config.Deadline, r.config.Share
	if r.config.Tune != nil {
		r.config.Tune(&c)
	}
	w, err := worker.New(c)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			r.t.Errorf("worker %s: %v", c.Name, err)
		}
		conn.Close()
		root.Close()
	}
}
