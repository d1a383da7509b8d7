//go:build linux

package faults

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/client"
	"sluice/coordinator"
	"sluice/coordinator/auth"
	"sluice/coordinator/store"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

// shape says what a cluster is made of.
type shape struct {
	servers      int // 1, or 3 that keep everything three times
	coordinators int
	workers      int
	folder       bool          // the workers share one; without it they read and write artifacts
	build        string        // path of the binary
	store        string        // where the server keeps its files; "" is a folder of the test
	heard        *wire         // what coordinators, workers and servers say to each other; nil: nobody listens
	other        string        // binary of every other worker and coordinator; "" is build
	label        string        // in the table
	tmp          string        // where temporary files are; "" is where the test has its own
	env          []string      // of all processes, beside the test's own
	patience     time.Duration // of judge; 0 is patience
}

func (s *shape) String() string {
	return fmt.Sprintf("R%d, %d coordinators, %d workers", s.servers, s.coordinators, s.workers)
}

// cluster is one at work.
type cluster struct {
	shape
	t    testing.TB
	dir  string
	root string // the workers' folder
	bad  atomic.Uint64

	servers, coords, workers []*process
	links                    map[*process]*link // of coordinators and workers
	watch                    []string           // HTTP addresses of the servers
	metrics                  map[*process]string
	addresses                []string // of the servers
	apis                     []*client.Client
	conn                     *bus.Conn // to the account of the jobs
	joined                   int
}

// startWithin bounds the start of a cluster, on a machine that does other things.
const startWithin = 2 * time.Minute

// newCluster starts a cluster and waits until it works.
func newCluster(t testing.TB, s shape) *cluster {
	t.Helper()
	c := &cluster{shape: s, t: t, links: map[*process]*link{}, metrics: map[*process]string{}}
	c.folders()
	t.Cleanup(c.close)
	ctx, cancel := context.WithTimeout(t.Context(), startWithin)
	defer cancel()
	c.startServers()
	for i := range c.servers {
		c.await(ctx, "server "+fmt.Sprint(i)+" is healthy", func() bool { return c.healthy(ctx, i) })
	}
	var err error
	if c.conn, err = bus.Dial("nats://"+strings.Join(c.addresses, ",nats://"), "faults"); err != nil {
		c.fatalf("%v", err)
	}
	t.Cleanup(c.conn.Close)
	if err := c.conn.Ready(ctx); err != nil {
		c.fatalf("%v", err)
	}
	token := c.admin(ctx)
	ports := bustest.FreePorts(t, s.coordinators)
	for i, at := range ports {
		p := c.member(fmt.Sprint("coordinator-", i), "coordinator", c.binary(i), "--listen", at, "--replicas", fmt.Sprint(s.servers))
		c.metrics[p] = at
		c.coords = append(c.coords, p)
		p.start(t)
		api, err := client.New(client.Config{URL: "http://" + at, Key: token})
		if err != nil {
			t.Fatal(err)
		}
		c.apis = append(c.apis, api)
	}
	for range s.workers {
		c.join()
	}
	c.await(ctx, "all workers are known to all coordinators", func() bool { return c.known(ctx) })
	return c
}

func (c *cluster) folders() {
	var err error
	if c.dir, err = os.MkdirTemp(c.tmp, "sluice-cluster-"); err != nil {
		c.t.Fatal(err)
	}
	c.root = filepath.Join(c.dir, "root")
	if err := os.Mkdir(c.root, 0o700); err != nil {
		c.t.Fatal(err)
	}
}

// binary is that of the i-th member of a sort.
func (c *cluster) binary(i int) string {
	if c.other != "" && i%2 == 1 {
		return c.other
	}
	return c.build
}

func (c *cluster) process(name, path string, args ...string) *process {
	return &process{name: name, path: path, args: args, env: c.env, log: filepath.Join(c.dir, name+".log"), bad: &c.bad}
}

// startServers starts the NATS servers, which keep what they are told for when they are
// started again.
func (c *cluster) startServers() {
	path, err := natsServer()
	if err != nil {
		c.t.Fatal(err)
	}
	n := c.shape.servers
	ports := bustest.FreePorts(c.t, 3*n)
	c.addresses, c.watch = ports[:n], ports[n:2*n]
	var routes []string
	for _, p := range ports[2*n:] {
		routes = append(routes, "nats-route://"+p)
	}
	for i := range n {
		name := fmt.Sprint("nats-", i)
		dir := c.store
		if dir == "" {
			dir = filepath.Join(c.dir, name)
		}
		conf := fmt.Sprintf("server_name: %s\nlisten: %q\nhttp: %q\njetstream { store_dir: %q, max_file_store: 4GB, max_memory_store: 256MB }\n"+
			"accounts { SYS: { users: [{user: sys, password: sys}] }, JOBS: { jetstream: enabled, users: [{user: jobs, password: jobs}] } }\n"+
			"system_account: SYS\nno_auth_user: jobs\n", name, c.addresses[i], c.watch[i], dir)
		if n > 1 {
			conf += fmt.Sprintf("cluster { name: faults, listen: %q, no_advertise: true, routes: [%s] }\n", ports[2*n+i], strings.Join(routes, ", "))
		}
		file := filepath.Join(c.dir, name+".conf")
		if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
			c.t.Fatal(err)
		}
		p := c.process(name, path, "-c", file)
		c.servers = append(c.servers, p)
		p.start(c.t)
	}
}

// member makes a coordinator or worker behind a link of its own.
func (c *cluster) member(name, command, path string, args ...string) *process {
	k, near := newLink(c.t, c.addresses, c.heard)
	all := append([]string{command, "--name", name, "--nats", "nats://" + strings.Join(near, ",nats://"), "--log-level", "debug"}, args...)
	p := c.process(name, path, all...)
	c.links[p] = k
	return p
}

// join starts one more worker.
func (c *cluster) join(more ...string) *process {
	at := bustest.FreePorts(c.t, 1)[0]
	args := append([]string{"--metrics-listen", at}, more...)
	if c.folder {
		args = append(args, "--root", c.root)
	}
	p := c.member(fmt.Sprint("worker-", c.joined), "worker", c.binary(c.joined), args...)
	c.joined++
	c.metrics[p] = at
	c.workers = append(c.workers, p)
	p.start(c.t)
	return p
}

// admin makes the key that the tests ask with.
func (c *cluster) admin(ctx context.Context) string {
	control, err := store.Open(ctx, store.Config{Conn: c.conn, Replicas: c.shape.servers})
	if err != nil {
		c.fatalf("%v", err)
	}
	defer control.Close()
	a, err := auth.New(auth.Config{Projects: []auth.Project{{Name: "default", Control: control}}})
	if err != nil {
		c.fatalf("%v", err)
	}
	if err := control.Follow(ctx); err != nil {
		c.fatalf("%v", err)
	}
	keys, err := a.Keys("default")
	if err != nil {
		c.fatalf("%v", err)
	}
	_, token, err := keys.Create(ctx, coordinator.Key{Name: "faults", Role: coordinator.Admin, By: "faults"})
	if err != nil {
		c.fatalf("%v", err)
	}
	return token
}

// known reports whether every coordinator knows all workers that there are.
func (c *cluster) known(ctx context.Context) bool {
	for _, api := range c.apis {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		all, err := api.Workers(ctx)
		cancel()
		if err != nil || len(all) < len(c.workers) {
			return false
		}
	}
	return true
}

// healthy reports whether a server has caught up with the others.
func (c *cluster) healthy(ctx context.Context, i int) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.watch[i]+"/healthz", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// await polls until something holds, and fails the test when it does not before ctx ends.
func (c *cluster) await(ctx context.Context, what string, holds func() bool) {
	c.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			c.fatalf("waited in vain until %s", what)
		}
	}
}

// fatalf ends the test, with what the processes have logged last.
func (c *cluster) fatalf(format string, args ...any) {
	c.t.Helper()
	c.t.Log(c.logs(25))
	c.t.Fatalf(format, args...)
}

func (c *cluster) logs(lines int) string {
	var b strings.Builder
	for _, p := range c.all() {
		fmt.Fprintf(&b, "--- %s\n%s", p.name, p.tail(lines))
	}
	return b.String()
}

func (c *cluster) all() []*process {
	all := append([]*process(nil), c.servers...)
	return append(append(all, c.coords...), c.workers...)
}

// close ends every process, and keeps the folder when the test failed.
func (c *cluster) close() {
	for _, p := range c.all() {
		if p.done != nil {
			p.kill()
		}
	}
	if c.t.Failed() && *loud {
		c.t.Logf("logs and data are in %s", c.dir)
		return
	}
	os.RemoveAll(c.dir)
}
