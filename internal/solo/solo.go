// Package solo runs jobs in one process: an embedded server that opens no port, the
// coordinator's side of the job, and a worker. It is what `sluice run` is made of, and
// what tests of the data plane start.
//
// Start reading at [Run], which runs one job; a [Host] is a server for several.
package solo

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/coordinator/job"
	"sluice/internal/bus"
	"sluice/nodes"
	"sluice/recipe"
	"sluice/worker"
)

// Config says what to run and with what. Plan and Catalogue must be set; the zero value
// of the rest works.
type Config struct {
	Plan      *recipe.Plan
	Catalogue *nodes.Catalogue

	Dir    string // where the job is stored; "" is a temporary folder that is removed
	Resume bool   // go on with the job in Dir, if there is one
	// Accept is asked before going on with a stored job; its error is Run's. Nil accepts.
	Accept func(*bus.JobRecord) error
	Origin bus.Origin // of a new job

	// Job is the job to run: a new one, or one to go on with. "" is what Resume says.
	Job    recipe.JobID
	Parent recipe.JobID // of a new Job that replays the dead letters of another

	Root    *os.Root
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
	Stdin   io.Reader
	Console io.Writer
	Secret  func(ctx context.Context, job recipe.JobID, node, name string) (string, error)
	Show    func(recipe.Progress)
	Watch   func(conn *bus.Conn, id recipe.JobID, plan *recipe.Plan) (stop func(), err error) // called before the job starts: taps
	Stop    <-chan struct{}                                                                   // closed to bring the job to rest
	Log     hclog.Logger

	MaxStore int64 // bytes that the job may store; 0 is a part of what the disk has free
	Listen   string
	Workers  int  // instances in this process; 0 is one
	NoWorker bool // the workers are other processes; Listen says where they connect
	AckWait  time.Duration
	Lease    time.Duration
	Stall    time.Duration
	Keep     bool
	Fail     worker.Failpoint
	// FullShare is the share of a publisher's readers that must be at capacity, on edges
	// that drop, before it slows down; 0 is 0.5.
	FullShare float64
	Serves    func(*recipe.Step) bool
	Ready     func(url string)
}

// Unfinished is answered when Dir holds an unfinished job and Resume is not set, or when that
// job is a replay of dead letters.
type Unfinished struct {
	Record *bus.JobRecord // of that job
}

// Error implements error.
func (u *Unfinished) Error() string {
	text := fmt.Sprintf("the data folder holds an unfinished job: %s of recipe %s, %s", u.Record.Job, u.Record.Plan.Recipe, u.Record.State)
	if u.Record.Parent != "" {
		text += "; it replays dead letters"
	}
	return text
}

// Run runs the job until it is at its end or at rest, and returns its last progress.
func Run(ctx context.Context, c Config) (recipe.Progress, error) {
	h, err := Open(ctx, c)
	if err != nil {
		return recipe.Progress{}, err
	}
	defer h.Close()
	return h.Run(ctx, c)
}

// Host is an embedded server on a folder. Jobs run on it one after the other.
type Host struct {
	server *bus.Server
	conn   *bus.Conn
	remove string // temporary folder, "" for none
}

// Open starts a server. Of c it reads Dir, Listen, MaxStore, Ready and Log. The caller
// closes the host.
func Open(ctx context.Context, c Config) (*Host, error) {
	h := &Host{}
	if c.Dir == "" {
		tmp, err := os.MkdirTemp("", "sluice-run-")
		if err != nil {
			return nil, fmt.Errorf("make a temporary folder: %w", err)
		}
		c.Dir, h.remove = tmp, tmp
	}
	if err := h.start(ctx, c); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

func (h *Host) start(ctx context.Context, c Config) (err error) {
	if h.server, err = bus.StartServer(bus.ServerConfig{Dir: c.Dir, Listen: c.Listen, MaxStore: c.MaxStore, Log: logOf(c).Named("nats")}); err != nil {
		return err
	}
	if c.Ready != nil {
		c.Ready(h.server.URL())
	}
	if h.conn, err = h.server.Connect("coordinator", bus.Log(logOf(c).Named("conn"))); err != nil {
		return err
	}
	return job.EnsureJobs(ctx, h.conn, 1)
}

func logOf(c Config) hclog.Logger {
	if c.Log == nil {
		return hclog.NewNullLogger()
	}
	return c.Log
}

// Conn is the host's connection to its server, for readers of what is stored.
func (h *Host) Conn() *bus.Conn { return h.conn }

// Close stops the server and removes its folder when it is a temporary one.
func (h *Host) Close() {
	if h.conn != nil {
		h.conn.Close()
	}
	if h.server != nil {
		h.server.Shutdown()
	}
	if h.remove != "" {
		_ = os.RemoveAll(h.remove) // what is left is in the system's temporary folder
	}
}

// Run runs one job until it is at its end or at rest, and returns its last progress.
func (h *Host) Run(ctx context.Context, c Config) (recipe.Progress, error) {
	if c.Job == "" {
		var err error
		if c.Job, err = c.choose(ctx, h.conn); err != nil {
			return recipe.Progress{}, err
		}
	}
	c.Log = logOf(c)
	return c.serve(ctx, h)
}

// choose returns the job to run: the unfinished one in the folder, or a new one. Replays
// of dead letters are not gone on with here.
func (c *Config) choose(ctx context.Context, conn *bus.Conn) (recipe.JobID, error) {
	all, err := job.All(ctx, conn)
	if err != nil {
		return "", err
	}
	replays := slices.DeleteFunc(slices.Clone(all), func(r *bus.JobRecord) bool { return r.Parent == "" })
	all = slices.DeleteFunc(all, func(r *bus.JobRecord) bool { return r.Parent != "" })
	at := slices.IndexFunc(all, func(r *bus.JobRecord) bool { return !r.State.Final() })
	switch {
	case at >= 0 && !c.Resume:
		return "", &Unfinished{all[at]}
	case at < 0 && len(all) > 0 && c.Resume:
		at = len(all) - 1
	}
	if at >= 0 {
		if c.Accept != nil {
			if err := c.Accept(all[at]); err != nil {
				return "", err
			}
		}
		return all[at].Job, nil
	}
	for _, r := range replays {
		if !r.State.Final() {
			return "", &Unfinished{r}
		}
	}
	return NewID(), nil
}

// NewID makes a job's id: 16 letters and digits, of 80 random bits.
func NewID() recipe.JobID {
	return recipe.JobID(strings.ToLower(rand.Text()[:16]))
}

// serve runs coordinator and worker.
func (c *Config) serve(ctx context.Context, h *Host) (recipe.Progress, error) {
	if c.Watch != nil {
		stop, err := c.Watch(h.conn, c.Job, c.Plan)
		if err != nil {
			return recipe.Progress{}, err
		}
		defer stop()
	}
	wctx, cancel := context.WithCancel(ctx)
	defer cancel()
	worked := make(chan error, max(1, c.Workers))
	var workers []instance
	for range max(1, c.Workers) {
		w, err := c.worker(h.server)
		if err != nil {
			return recipe.Progress{}, err
		}
		defer w.conn.Close()
		workers = append(workers, w)
		go func() { worked <- w.Run(wctx) }()
	}
	go restWhenBroken(wctx, h, c.Job)
	p, err := job.Run(ctx, job.Config{
		Conn: h.conn, Job: c.Job, Parent: c.Parent, Origin: c.Origin, Plan: c.Plan, AckWait: c.AckWait, Lease: c.Lease, Stall: c.Stall, Show: c.Show,
		Log: c.Log.Named("coordinator"), Keep: c.Keep,
	}, job.Control{Stop: c.Stop})
	if errors.Is(err, job.ErrUnwritten) { // the workers rest with this process, and who comes next goes on
		c.Log.Warn(err.Error())
		err = nil
	}
	cancel()
	for range workers {
		if werr := <-worked; err == nil {
			err = werr
		}
	}
	if p.State != recipe.JobSucceeded && (p.State.Final() || h.remove != "") {
		c.discard(ctx, h, workers[0])
	}
	return p, err
}

// discard clears up after a job that nothing can go on with: the worker may not have heard
// of its end. All workers of this process have the same root.
func (c *Config) discard(ctx context.Context, h *Host, w instance) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	rec, err := job.Stored(ctx, h.conn, c.Job)
	if err == nil {
		err = w.Discard(ctx, *rec)
	}
	if err != nil && !errors.Is(err, job.ErrNone) {
		c.Log.Warn("what the job left unfinished was not removed", "err", err)
	}
}

// instance is a worker and its connection.
type instance struct {
	*worker.Worker
	conn *bus.Conn
}

func (c *Config) worker(server *bus.Server) (instance, error) {
	conn, err := server.Connect("worker", bus.Log(c.Log.Named("conn")))
	if err != nil {
		return instance{}, err
	}
	w, err := worker.New(worker.Config{
		Conn: conn, Catalogue: c.Catalogue, Name: "solo-" + rand.Text()[:8], Serves: c.serves(), Root: c.Root, Dial: c.Dial, Stdin: c.Stdin,
		Console: c.Console, Secret: c.Secret, Log: c.Log.Named("worker"), Fail: c.Fail,
		Pool: worker.EveryPool, FullShare: c.FullShare,
	})
	if err != nil {
		conn.Close()
	}
	return instance{w, conn}, err
}

// restWhenBroken brings the job to rest when its store can't be written any more.
func restWhenBroken(ctx context.Context, h *Host, id recipe.JobID) {
	select {
	case <-ctx.Done():
	case cause := <-h.server.Broken():
		reason, _ := json.Marshal("the job's store can't be written: " + cause)
		_ = h.conn.Send(bus.Names{Job: id}.Resting(), reason)
	}
}

// serves says which steps the worker of this process takes: with workers in other
// processes only those that print, since the console is here.
func (c *Config) serves() func(*recipe.Step) bool {
	if c.NoWorker {
		return func(s *recipe.Step) bool { return s.Kind == recipe.KindPrinter }
	}
	return c.Serves
}
