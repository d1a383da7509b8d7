package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/hashicorp/go-hclog"

	"sluice/cmd/sluice/settings"
	"sluice/coordinator"
	"sluice/coordinator/secret"
	"sluice/internal/bus"
	"sluice/internal/bus/natsconf"
	"sluice/internal/daemon"
	"sluice/nodes/all"
)

type coordinatorCmd struct{ settings.Coordinator }

// Help is shown by coordinator --help.
func (coordinatorCmd) Help() string {
	return `Answers the API, and leads when it is its turn: several may run, and any of them answers. A
project is named with the folder that sluice nats setup has made for it, as --projects blue=nats/blue.`
}

// Run serves until it is told to end.
func (c coordinatorCmd) Run(parent context.Context, std streams, set *settings.Resolver) error {
	log := c.Logger("coordinator", std.err)
	ctx, end, told := untilTold(parent, log, ends(log, c.DrainWithin))
	defer end()
	if err := ready(set, "coordinator", log); err != nil {
		return err
	}
	warnPlainNATS(&c.NATS, c.Projects, log)
	keys, err := c.keyring()
	if err != nil {
		return err
	}
	var at listeners
	if err := at.open(ctx, c.Listen, c.MetricsListen, &c.Endpoint, told, log); err != nil {
		return err
	}
	defer at.close()
	w, err := watch(ctx, "coordinator", &c.Common, log)
	if err != nil {
		return err
	}
	defer w.close()
	projects, closeAll, err := dialProjects(c.NATS, c.Projects, log)
	if err != nil {
		return err
	}
	defer closeAll()
	if err := c.preflights(ctx, projects, log); err != nil {
		return startEnds(ctx, err)
	}
	for _, p := range projects {
		w.connection(p.Name, p.Conn)
	}
	cfg := coordinatorConfig(c.Name, c.API, c.OIDC, c.Jobs, c.Files, c.Replicas)
	cfg.Projects, cfg.Catalogue, cfg.SecretKeys = projects, all.Catalogue(), keys
	cfg.Log, cfg.Watched, cfg.Tracer = log, w.Metrics, w.tracer
	cfg.AllowPlain = c.InsecureListen
	var coord *daemon.Coordinator
	err = patiently(ctx, log, func() (err error) { coord, err = daemon.NewCoordinator(ctx, cfg); return err })
	if err != nil {
		return startEnds(ctx, opening(err))
	}
	defer coord.Close()
	if err := coord.CheckSecrets(); err != nil {
		return refusedStart(err)
	}
	if err := c.adminKeys(ctx, coord, projects); err != nil {
		return err
	}
	w.health.Check("control plane", coord.Ready)
	g := &group{end: end}
	w.apart(ctx, g, at.metrics, log)
	address := addressOf(at.api, c.Endpoint)
	serve(ctx, g, coord, at.api, w.beside(coord.Handler(), at.api), daemon.Serving{Within: c.DrainWithin, Connections: c.MaxConnections, Crowded: coord.Crowded, Log: log})
	log.Info("serves", "api", address)
	fmt.Fprintf(std.out, "coordinator: %s\n", address)
	return g.wait(ctx, c.DrainWithin)
}

// preflights looks at the server as each project sees it.
func (c *coordinatorCmd) preflights(ctx context.Context, projects []daemon.Project, log hclog.Logger) error {
	needs := bus.Needs{Replicas: c.Replicas}
	if c.SystemNkey != "" {
		system, err := dial(c.NATS, natsconf.Coordinator, c.SystemNkey, log)
		if err != nil {
			return exitError{exitCode(err), fmt.Errorf("--nats-system-nkey %s: %w", c.SystemNkey, err)}
		}
		defer system.Close()
		needs.System = system
	}
	return preflights(ctx, projects, needs, log)
}

// keyring is the key by which secrets are encrypted, nil where the settings name none.
func (c *coordinatorCmd) keyring() (*secret.Keyring, error) {
	if c.SecretKeyFile == "" {
		return nil, nil
	}
	keys, err := secret.ReadKeyring(c.SecretKeyFile)
	if err != nil {
		return nil, usagef("--secret-key-file: %w", err)
	}
	return keys, nil
}

// adminKeys makes the keys of the projects' admins that are not there.
func (c *coordinatorCmd) adminKeys(ctx context.Context, coord *daemon.Coordinator, projects []daemon.Project) error {
	for _, p := range projects {
		if c.AdminKeys == "" {
			break
		}
		if _, err := adminKey(ctx, coord, p.Name, filepath.Join(c.AdminKeys, p.Name+".key")); err != nil {
			return fmt.Errorf("project %s: %w", p.Name, err)
		}
	}
	return nil
}

// refusedStart is a start that a fault of the control plane forbids.
func refusedStart(err error) error { return told(err) }

// opening is what a coordinator's being opened has come to: a control plane of another project
// is one that the settings name wrongly.
func opening(err error) error {
	if coordinator.FamilyOf(err) == coordinator.Conflict {
		return refusedStart(err)
	}
	return err
}

// startEnds is what a start comes to that broke off: nothing, when it was told to.
func startEnds(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// coordinatorConfig is what the settings say of a coordinator.
func coordinatorConfig(name string, api settings.API, oidc settings.OIDC, jobs settings.Jobs, files settings.Files, replicas int) daemon.CoordinatorConfig {
	return daemon.CoordinatorConfig{Name: hostName(name), Version: versionText(), OIDC: provider(oidc), Replicas: replicas, History: jobs.History,
		MaxRunning: jobs.MaxRunning, MaxJobsPerUser: jobs.MaxJobsPerUser, MaxBody: int64(api.MaxBody), Origins: api.Origins,
		Files: coordinator.FileLimits{Size: int64(files.MaxFile), Bytes: int64(files.MaxFiles)}}
}
