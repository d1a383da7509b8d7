package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sluice/client"
	"sluice/coordinator"
	"sluice/recipe"
)

// cluster is Sluice as a service, in processes of its own: NATS servers, a coordinator, workers.
type cluster struct {
	dir     string
	servers []*service
	coord   *service
	workers []*service
	api     *client.Client
}

// service is a process that goes on until it is told to end.
type service struct {
	cmd  *exec.Cmd
	log  *os.File
	done chan struct{} // closed when it has ended
}

// startWithin bounds the start of a cluster, and endWithin the end of a process.
const (
	startWithin = time.Minute
	endWithin   = 30 * time.Second
)

// shape says what a cluster is made of.
type shape struct {
	servers int // 1, or 3 that keep everything three times
	workers int
}

// clusterOf starts a cluster whose workers serve all kinds, in the bench's folder.
func (b *bench) clusterOf(s shape) (*cluster, error) {
	if err := b.buildServer(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(b.dir, "cluster-")
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir}
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	if err := c.start(ctx, b, s); err != nil {
		c.close()
		return nil, fmt.Errorf("start a cluster: %w", err)
	}
	return c, nil
}

// buildServer builds the NATS server of the version that Sluice embeds, once.
func (b *bench) buildServer() error {
	b.server = filepath.Join(b.dir, "nats-server")
	if _, err := os.Stat(b.server); err == nil {
		return nil
	}
	out, err := exec.Command("go", "build", "-o", b.server, "github.com/nats-io/nats-server/v2").CombinedOutput()
	if err != nil {
		return fmt.Errorf("build nats-server: %w\n%s", err, out)
	}
	return nil
}

func (c *cluster) start(ctx context.Context, b *bench, s shape) error {
	servers := s.servers
	ports, err := freePorts(2*servers + 1)
	if err != nil {
		return err
	}
	if err := c.startServers(ctx, b.server, ports[:servers], ports[servers:2*servers]); err != nil {
		return err
	}
	nats := "nats://" + strings.Join(ports[:servers], ",nats://")
	keys := filepath.Join(c.dir, "keys")
	listen := ports[2*servers]
	c.coord, err = c.service(b.sluice, "coordinator", "--nats", nats, "--listen", listen, "--admin-keys", keys, "--replicas", fmt.Sprint(servers))
	if err != nil {
		return err
	}
	if err := ready(ctx, "http://"+listen+"/readyz"); err != nil {
		return err
	}
	key, err := os.ReadFile(filepath.Join(keys, "default.key"))
	if err != nil {
		return err
	}
	if c.api, err = client.New(client.Config{URL: "http://" + listen, Key: strings.TrimSpace(string(key))}); err != nil {
		return err
	}
	for i := range s.workers {
		w, err := c.service(b.sluice, "worker", "--nats", nats, "--name", fmt.Sprint("w", i), "--root", b.dir)
		if err != nil {
			return err
		}
		c.workers = append(c.workers, w)
	}
	return poll(ctx, "the workers are known", func() bool {
		all, err := c.api.Workers(ctx)
		return err == nil && len(all) >= s.workers
	})
}

// startServers starts servers that sync as the embedded one does, by the server's default.
func (c *cluster) startServers(ctx context.Context, path string, listen, watch []string) error {
	routes, err := freePorts(len(listen))
	if err != nil {
		return err
	}
	for i := range listen {
		conf := fmt.Sprintf("server_name: n%d\nlisten: %q\nhttp: %q\nmax_payload: 2MB\njetstream { store_dir: %q, max_file_store: 8GB, max_memory_store: 256MB }\n",
			i, listen[i], watch[i], filepath.Join(c.dir, fmt.Sprint("n", i)))
		if len(listen) > 1 {
			conf += fmt.Sprintf("cluster { name: bench, listen: %q, no_advertise: true, routes: [nats-route://%s] }\n", routes[i], strings.Join(routes, ", nats-route://"))
		}
		file := filepath.Join(c.dir, fmt.Sprintf("n%d.conf", i))
		if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
			return err
		}
		s, err := c.service(path, "-c", file)
		if err != nil {
			return err
		}
		c.servers = append(c.servers, s)
	}
	for _, at := range watch {
		if err := ready(ctx, "http://"+at+"/healthz"); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) service(path string, args ...string) (*service, error) {
	log, err := os.CreateTemp(c.dir, filepath.Base(path)+"-*.log")
	if err != nil {
		return nil, err
	}
	s := &service{cmd: exec.Command(path, args...), log: log, done: make(chan struct{})}
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = c.dir, log, log
	if err := s.cmd.Start(); err != nil {
		log.Close()
		return nil, err
	}
	go func() {
		_ = s.cmd.Wait()
		close(s.done)
	}()
	return s, nil
}

// close ends all processes, those first that need the others.
func (c *cluster) close() {
	all := append([]*service(nil), c.workers...)
	if c.coord != nil {
		all = append(all, c.coord)
	}
	for _, s := range append(all, c.servers...) {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		limit := time.NewTimer(endWithin)
		select {
		case <-s.done:
		case <-limit.C:
			_ = s.cmd.Process.Kill()
			<-s.done
		}
		limit.Stop()
		s.log.Close()
	}
	os.RemoveAll(c.dir)
}

// taken is what the processes have taken since they began.
func (c *cluster) taken() (servers, coord, workers time.Duration, err error) {
	sum := func(all ...*service) (d time.Duration) {
		for _, s := range all {
			cpu, e := s.cpu()
			d, err = d+cpu, errors.Join(err, e)
		}
		return d
	}
	return sum(c.servers...), sum(c.coord), sum(c.workers...), err
}

// tick is the unit in which Linux counts CPU time for /proc: USER_HZ, 100 a second everywhere.
const tick = 10 * time.Millisecond

// cpu is the user and system time of the process up to now, from proc(5).
func (s *service) cpu() (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:])) // from the third on
	var sum time.Duration
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(n) * tick
	}
	return sum, nil
}

// resident is the memory of the process now, in bytes.
func (s *service) resident() int64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	if fields := strings.Fields(string(b)); len(fields) > 1 {
		pages, _ := strconv.ParseInt(fields[1], 10, 64)
		return pages * int64(os.Getpagesize())
	}
	return 0
}

// submit submits a recipe, later when the API has no room for it now.
func (c *cluster) submit(ctx context.Context, text string) (recipe.JobID, error) {
	var id recipe.JobID
	err := c.patiently(ctx, func() error {
		j, err := c.api.Submit(ctx, coordinator.Submission{Document: coordinator.Document{Source: text}}, "")
		id = j.ID
		return err
	})
	return id, err
}

// patiently does what the API may refuse for a while because it is asked too often.
func (c *cluster) patiently(ctx context.Context, do func() error) error {
	var last error
	err := poll(ctx, "the API has room", func() bool {
		last = do()
		return coordinator.FamilyOf(last) != coordinator.OverLimit
	})
	return errors.Join(last, err)
}

// until waits until a job is in one of the states; another state of an end is an error.
func (c *cluster) until(ctx context.Context, id recipe.JobID, states ...recipe.JobState) (j coordinator.Job, err error) {
	perr := poll(ctx, fmt.Sprintf("job %s is %s", id, states[0]), func() bool {
		if err = c.patiently(ctx, func() (err error) { j, err = c.api.Job(ctx, id); return err }); err != nil {
			return true
		}
		for _, s := range states {
			if j.State == s {
				return true
			}
		}
		if j.State.Final() {
			err = fmt.Errorf("job %s has %s: %s", id, j.State, j.Reason)
		}
		return err != nil
	})
	return j, errors.Join(err, perr)
}

// run runs a recipe to its end and returns what servers, coordinator and workers took for it.
func (c *cluster) run(ctx context.Context, text string) (servers, coord, workers time.Duration, err error) {
	s0, k0, w0, err := c.taken()
	if err != nil {
		return 0, 0, 0, err
	}
	id, err := c.submit(ctx, text)
	if err != nil {
		return 0, 0, 0, err
	}
	if _, err := c.until(ctx, id, recipe.JobSucceeded); err != nil {
		return 0, 0, 0, err
	}
	s, k, w, err := c.taken()
	return s - s0, k - k0, w - w0, err
}

// ready waits until an address answers that all is well.
func ready(ctx context.Context, url string) error {
	return poll(ctx, url+" answers", func() bool {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return false
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// pollEvery is how often is asked whether something holds.
const pollEvery = 50 * time.Millisecond

func poll(ctx context.Context, what string, holds func() bool) error {
	next := time.NewTicker(pollEvery)
	defer next.Stop()
	for !holds() {
		select {
		case <-next.C:
		case <-ctx.Done():
			return fmt.Errorf("waited in vain until %s", what)
		}
	}
	return nil
}

// freePorts are addresses on which nobody listens now, and which Linux hands to nobody by itself.
func freePorts(n int) ([]string, error) {
	const from, to = 10_000, 32_000
	var all []string
	for len(all) < n {
		l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", from+rand.IntN(to-from)))
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			return nil, err
		}
		defer l.Close() // all are open until the last is known, so they differ
		all = append(all, l.Addr().String())
	}
	return all, nil
}
