package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"sluice/cmd/sluice/settings"
	"sluice/internal/bus"
	"sluice/internal/bus/natsconf"
)

type workerCmd struct{ settings.Worker }

// Help is shown by worker --help.
func (workerCmd) Help() string {
	return `Runs the nodes of jobs. Without --root nodes touch no files of this machine: they read and write
artifacts. Ctrl-C or SIGTERM brings what is in hand to rest, within a few seconds; other workers go on
with it.`
}

// workHint adds to why a worker can't hear of jobs what its user can do about it.
func workHint(err error) error {
	if errors.Is(err, bus.ErrNoJetStream) {
		return exitError{codeUnavailable, fmt.Errorf("%w\n  hint: --nats-nkey names the project's worker.nk: this key is of an account that stores nothing, as system.nk is", err)}
	}
	return err
}

// Run works until it is told to end.
func (c workerCmd) Run(parent context.Context, std streams, set *settings.Resolver) error {
	log := c.Logger("worker", std.err)
	ctx, end, told := untilTold(parent, log, ends(log, c.DrainWithin))
	defer end()
	if err := ready(set, "worker", log); err != nil {
		return err
	}
	warnPlainNATS(&c.NATS, nil, log)
	var at listeners
	if err := at.open(ctx, "", c.MetricsListen, &c.Endpoint, told, log); err != nil {
		return err
	}
	defer at.close()
	w, err := watch(ctx, "worker", &c.Common, log)
	if err != nil {
		return err
	}
	defer w.close()
	conn, err := dial(c.NATS, natsconf.Worker, "", log)
	if err != nil {
		return err
	}
	defer conn.Close()
	w.connection(defaultProject, conn)
	cfg := working(conn, workerName(c.Name), c.Work, log)
	cfg.Meter = w.Worker(cfg.Slots())
	work, err := newWorker(cfg)
	if err != nil {
		return err
	}
	defer work.Close()
	g := &group{end: end}
	w.apart(ctx, g, at.metrics, log)
	if filepath.Base(c.NATSNkey) == natsconf.SeedOf(natsconf.Coordinator) {
		log.Warn("the key is that of coordinators, which may do more than a worker needs", "hint", "--nats-nkey names the project's worker.nk")
	}
	g.run(func() error { return workHint(work.Run(ctx)) })
	log.Info("works", "name", cfg.Name, "pool", c.Pool)
	return g.wait(ctx, c.DrainWithin)
}
