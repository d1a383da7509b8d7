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
	Concurrency int
	FullShare   float64 // 0 is the usual; see worker.Config
	Root        string  // "" touches no file system: nodes read and write artifacts
	Dial        func(ctx context.Context, network, address string) (net.Conn, error)
	Meter       worker.Meter // nil counts nothing
	Log         hclog.Logger
}

// ConfigError is what is wrong with a configuration: a folder that is not there, kinds that nobody
// knows.
type ConfigError struct{ error }

// Unwrap returns the fault.
func (e ConfigError) Unwrap() error { return e.error }

// RunWorker serves jobs until ctx ends, and then brings what is in hand to rest.
// The error is a [ConfigError] where what c says cannot be done.
func RunWorker(ctx context.Context, c WorkerConfig) error {
	cfg := worker.Config{Conn: c.Conn, Catalogue: c.Catalogue, Name: c.Name, Pool: c.Pool, Kinds: c.Kinds, Concurrency: c.Concurrency, FullShare: c.FullShare,
		Artifacts: true, Dial: c.Dial, Meter: c.Meter, Log: c.Log}
	if c.Root != "" {
		root, err := os.OpenRoot(c.Root)
		if errors.Is(err, fs.ErrNotExist) {
			return ConfigError{fmt.Errorf("root: there is no folder %s", c.Root)}
		}
		if err != nil {
			return ConfigError{fmt.Errorf("root: %w", err)}
		}
		defer root.Close()
		cfg.Root = root
	}
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("name of the host: %w", err)
	}
	asks, err := secret.NewSource(secret.SourceConfig{Bus: c.Conn, Worker: c.Name, Log: c.Log})
	if err != nil {
		return err
	}
	cfg.Secret, cfg.Announce = asks.Secret, &worker.Announcement{Host: host, Version: c.Version, Key: asks.PublicKey()}
	if cfg.Catalogue, err = cfg.Catalogue.With(dead.Source(c.Conn)); err != nil { // for replays
		return err
	}
	w, err := worker.New(cfg)
	if err != nil {
		return ConfigError{err}
	}
	return w.Run(ctx)
}
