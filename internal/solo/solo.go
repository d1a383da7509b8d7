// Package solo runs one job in one process: an embedded server that opens no port, the
// coordinator's side of the job, and a worker. It is what `sluice run` is made of, and
// what tests of the data plane start.
//
// Start reading at [Run].
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
	Resume bool   // go on with the unfinished job in Dir, if there is one

	Root    *os.Root
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
	Stdin   io.Reader
	Console io.Writer
	Secret  func(name string) (string, error)
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
	Serves   func(*recipe.Step) bool
	Ready    func(url string)
}

// ErrUnfinished is answered when Dir holds an unfinished job and Resume is not set.
var ErrUnfinished = errors.New("the data folder holds an unfinished job")

// ErrNothing marks the answer to a resume of a job that had finished.
var ErrNothing = errors.New("the job has finished already")

// Run runs the job until it is at its end or at rest, and returns its last progress.
func Run(ctx context.Context, c Config) (recipe.Progress, error) {
	if c.Log == nil {
		c.Log = hclog.NewNullLogger()
	}
	dir := c.Dir
	if dir == "" {
		tmp, err := os.MkdirTemp("", "sluice-run-")
		if err != nil {
			return recipe.Progress{}, fmt.Errorf("make a temporary folder: %w", err)
		}
		defer os.RemoveAll(tmp)
		dir = tmp
	}
	server, err := bus.StartServer(bus.ServerConfig{Dir: dir, Listen: c.Listen, MaxStore: c.MaxStore, Log: c.Log.Named("nats")})
	if err != nil {
		return recipe.Progress{}, err
	}
	defer server.Shutdown()
	if c.Ready != nil {
		c.Ready(server.URL())
	}
	conn, err := server.Connect("coordinator")
	if err != nil {
		return recipe.Progress{}, err
	}
	defer conn.Close()
	if err := job.EnsureJobs(ctx, conn); err != nil {
		return recipe.Progress{}, err
	}
	id, err := c.choose(ctx, conn)
	if err != nil {
		return recipe.Progress{}, err
	}
	return c.serve(ctx, server, conn, id)
}

// choose returns the job to run: the unfinished one in the folder, or a new one.
func (c *Config) choose(ctx context.Context, conn *bus.Conn) (recipe.JobID, error) {
	var unfinished, finished *bus.JobRecord
	err := conn.Scan(ctx, bus.JobsStream, bus.JobsFilter, 0, func(m *bus.Stored) error {
		var rec bus.JobRecord
		if err := json.Unmarshal(m.Data, &rec); err != nil {
			return fmt.Errorf("read a job's record: %w", err)
		}
		if rec.State.Final() {
			finished = &rec
		} else {
			unfinished = &rec
		}
		return nil
	})
	switch {
	case err != nil:
		return "", err
	case unfinished != nil && !c.Resume:
		return "", fmt.Errorf("%w: %s of recipe %s, %s", ErrUnfinished, unfinished.Job, unfinished.Plan.Recipe, unfinished.State)
	case unfinished != nil:
		return unfinished.Job, nil
	case finished != nil && c.Resume:
		return finished.Job, nil
	}
	return NewID(), nil
}

// NewID makes a job's id: 16 letters and digits, of 80 random bits.
func NewID() recipe.JobID {
	return recipe.JobID(strings.ToLower(rand.Text()[:16]))
}

// serve runs coordinator and worker.
func (c *Config) serve(ctx context.Context, server *bus.Server, conn *bus.Conn, id recipe.JobID) (recipe.Progress, error) {
	if c.Watch != nil {
		stop, err := c.Watch(conn, id, c.Plan)
		if err != nil {
			return recipe.Progress{}, err
		}
		defer stop()
	}
	wctx, cancel := context.WithCancel(ctx)
	defer cancel()
	worked := make(chan error, max(1, c.Workers))
	workers := 0
	for range max(1, c.Workers) {
		w, err := c.worker(server)
		if err != nil {
			return recipe.Progress{}, err
		}
		defer w.conn.Close()
		workers++
		go func() { worked <- w.Run(wctx) }()
	}
	go restWhenBroken(wctx, server, conn, id)
	p, err := job.Run(ctx, job.Config{
		Conn: conn, Job: id, Plan: c.Plan, AckWait: c.AckWait, Lease: c.Lease, Stall: c.Stall, Show: c.Show, Log: c.Log.Named("coordinator"), Keep: c.Keep,
	}, c.Stop)
	cancel()
	for range workers {
		if werr := <-worked; err == nil {
			err = werr
		}
	}
	return p, err
}

// instance is a worker and its connection.
type instance struct {
	*worker.Worker
	conn *bus.Conn
}

func (c *Config) worker(server *bus.Server) (instance, error) {
	conn, err := server.Connect("worker")
	if err != nil {
		return instance{}, err
	}
	w, err := worker.New(worker.Config{
		Conn: conn, Catalogue: c.Catalogue, Name: "solo-" + rand.Text()[:8], Serves: c.serves(), Root: c.Root, Dial: c.Dial, Stdin: c.Stdin,
		Console: c.Console, Secret: c.Secret, Log: c.Log.Named("worker"), Fail: c.Fail,
	})
	if err != nil {
		conn.Close()
	}
	return instance{w, conn}, err
}

// restWhenBroken brings the job to rest when its store can't be written any more.
func restWhenBroken(ctx context.Context, server *bus.Server, conn *bus.Conn, id recipe.JobID) {
	select {
	case <-ctx.Done():
	case cause := <-server.Broken():
		reason, _ := json.Marshal("the job's store can't be written: " + cause)
		_ = conn.Send(bus.Names{Job: id}.Resting(), reason)
	}
}

// serves says which steps the worker of this process takes: with workers in other
// processes only those that print, since the console is here.
func (c *Config) serves() func(*recipe.Step) bool {
	if c.NoWorker {
		return func(s *recipe.Step) bool { return s.Kind == "printer" }
	}
	return c.Serves
}
