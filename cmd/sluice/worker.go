package main

import (
	"context"

	"sluice/cmd/sluice/settings"
	"sluice/internal/bus/natsconf"
)

type workerCmd struct{ settings.Worker }

// Help is shown by worker --help.
func (workerCmd) Help() string {
	return `Runs the nodes of jobs. Without --root nodes touch no files of this machine: they read and write
artifacts. Ctrl-C or SIGTERM brings what is in hand to rest, within a few seconds; other workers go on
with it.`
}

// Run works until it is told to end.
func (c workerCmd) Run(parent context.Context, std streams) error {
	log := c.Logger("worker", std.err)
	ctx, end, told := untilTold(parent, log, ends(log, c.DrainWithin))
	defer end()
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
	if err := w.apart(ctx, g, told, c.MetricsListen, &c.Endpoint, log); err != nil {
		return err
	}
	g.run(func() error { return work.Run(ctx) })
	log.Info("works", "name", cfg.Name, "pool", c.Pool)
	return g.wait(ctx, c.DrainWithin)
}
