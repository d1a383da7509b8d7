package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"

	"github.com/hashicorp/go-hclog"

	"sluice/coordinator/dead"
	"sluice/coordinator/secret"
	"sluice/internal/bus"
	"sluice/nodes"
	"sluice/worker"
)

// WorkerConfig says what a worker serves and touches. Conn, Catalogue and Name must be set.
type WorkerConfig struct {
	Conn        *bus.Conn
	Catalogue   *nodes.Catalogue
	Name        string
	Version     string
	Kinds       []string
	Pool        string
	Concurrency int     // 0 is what worker.Slots says
	FullShare   float64 // 0 is the usual; see worker.Config
	Root        string  // "" touches no file system: nodes read and write artifacts
	Dial        func(ctx context.Context, network, address string) (net.Conn, error)
	Meter       worker.Meter // nil counts nothing
	Log         hclog.Logger
}

// Slots is how many frames the worker computes at once, at most.
func (c *WorkerConfig) Slots() int { return worker.Slots(c.Concurrency) }

// ConfigError is what is wrong with a configuration: a folder that is not there, kinds that nobody
// knows.
type ConfigError struct{ error }

// Unwrap returns the fault.
func (e ConfigError) Unwrap() error { return e.error }

// Worker is one that can begin: what it is to touch and to run is there.
type Worker struct {
	work *worker.Worker
	root *os.Root // nil for none
}

// NewWorker checks what a worker is told: an error names the folder that is not there, or the
// pattern that no kind fits, and is a [ConfigError]. Run has to be called, or Close.
func NewWorker(c WorkerConfig) (w *Worker, err error) {
	cfg := worker.Config{Conn: c.Conn, Catalogue: c.Catalogue, Name: c.Name, Pool: c.Pool, Kinds: c.Kinds, Concurrency: c.Concurrency, FullShare: c.FullShare,
		Artifacts: true, Dial: c.Dial, Meter: c.Meter, Log: c.Log}
	w = &Worker{}
	defer func() {
		if err != nil {
			w.Close()
		}
	}()
	if c.Root != "" {
		w.root, err = os.OpenRoot(c.Root)
		if errors.Is(err, fs.ErrNotExist) {
			return w, ConfigError{fmt.Errorf("root: there is no folder %s", c.Root)}
		}
		if err != nil {
			return w, ConfigError{fmt.Errorf("root: %w", err)}
		}
		cfg.Root = w.root
	}
	host, err := os.Hostname()
	if err != nil {
		return w, fmt.Errorf("name of the host: %w", err)
	}
	asks, err := secret.NewSource(secret.SourceConfig{Bus: c.Conn, Worker: c.Name, Log: c.Log})
	if err != nil {
		return w, err
	}
	cfg.Secret, cfg.Announce = asks.Secret, &worker.Announcement{Host: host, Version: c.Version, Key: asks.PublicKey()}
	if cfg.Catalogue, err = cfg.Catalogue.With(dead.Source(c.Conn)); err != nil { // for replays
		return w, err
	}
	if w.work, err = worker.New(cfg); err != nil {
		return w, ConfigError{err}
	}
	return w, nil
}

// Close gives back what a worker holds that does not run.
func (w *Worker) Close() {
	if w.root != nil {
		w.root.Close()
	}
}

// Run serves jobs until ctx ends, and then brings what is in hand to rest.
func (w *Worker) Run(ctx context.Context) error {
	defer w.Close()
	return w.work.Run(ctx)
}
