package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/go-hclog"

	"sluice/cmd/sluice/settings"
	"sluice/coordinator"
	"sluice/coordinator/auth"
	"sluice/coordinator/secret"
	"sluice/internal/bus"
	"sluice/internal/bus/natsconf"
	"sluice/internal/daemon"
	"sluice/nodes/all"
)

type upCmd struct {
	settings.Up
}

// Help is shown by up --help.
func (upCmd) Help() string {
	return `A coordinator with its API, a worker and a NATS server, in one process. The first start makes a key
of role admin and keeps it with the address as the context local: the commands in another terminal
just work. Ctrl-C brings all jobs to rest; the next start goes on with them.`
}

// Run serves until it is told to end.
func (c upCmd) Run(parent context.Context, std streams, set *settings.Resolver) error {
	log := c.Logger("sluice", std.err)
	ctx, end, told := untilTold(parent, log, ends(log, c.DrainWithin))
	defer end()
	if err := ready(set, "up", log); err != nil {
		return err
	}
	dir, release, err := c.folder()
	if err != nil {
		return err
	}
	defer release()
	var at listeners
	if err := at.open(ctx, c.Listen, c.MetricsListen, &c.Endpoint, told, log); err != nil {
		return err
	}
	defer at.close()
	server, err := c.server(ctx, dir, log)
	if err != nil {
		return err
	}
	defer server.Shutdown()
	project, err := server.project(log)
	if err != nil {
		return err
	}
	if err := preflight(ctx, project.Conn, c.needs(), false, log); err != nil {
		return startEnds(ctx, err)
	}
	w, err := watch(ctx, "up", &c.Common, log)
	if err != nil {
		return err
	}
	defer w.close()
	w.connection(defaultProject, project.Conn)
	coord, err := c.coordinator(ctx, project, dir, w, log)
	if err != nil {
		return startEnds(ctx, err)
	}
	defer coord.Close()
	work, err := c.worker(server, w, log)
	if err != nil {
		return err
	}
	defer work.Close()
	address := addressOf(at.api, c.Endpoint)
	if err := c.invite(ctx, coord, dir, address, std.err); err != nil { // behind all that can be refused: the context of a cluster that runs is not taken for nothing
		return err
	}
	g := &group{end: end}
	w.health.Check("control plane", coord.Ready)
	w.apart(ctx, g, at.metrics, log)
	serve(ctx, g, coord, at.api, w.beside(coord.Handler(), at.api), daemon.Serving{Within: c.DrainWithin, Connections: c.MaxConnections, Crowded: coord.Crowded, Log: log})
	g.run(func() error { return work.Run(ctx) })
	fmt.Fprintf(std.out, "sluice is up: %s\n%s", address, server.joins())
	return g.wait(ctx, c.DrainWithin)
}

// coordinator opens the coordinator of the one project that there is.
func (c *upCmd) coordinator(ctx context.Context, project daemon.Project, dir string, w *watched, log hclog.Logger) (coord *daemon.Coordinator, err error) {
	keys, err := secret.EnsureKeyring(c.keyFile(dir))
	if err != nil {
		return nil, usagef("--secret-key-file: %w", err)
	}
	cfg := coordinatorConfig(c.Name, c.API, c.OIDC, c.Jobs, c.Files, c.Replicas)
	cfg.Projects, cfg.Catalogue, cfg.SecretKeys, cfg.AllowPlain = []daemon.Project{project}, all.Catalogue(), keys, c.InsecureListen
	cfg.Log, cfg.Watched, cfg.Tracer = log, w.Metrics, w.tracer
	if err := patiently(ctx, log, func() (err error) { coord, err = daemon.NewCoordinator(ctx, cfg); return err }); err != nil {
		return nil, opening(err)
	}
	if err := coord.CheckSecrets(); err != nil { // no refusal: where the key is lost, secrets can be deleted and set anew
		log.Error("secrets can't be read: "+err.Error(), "hint", "put back the key with which they were set")
	}
	return coord, nil
}

// worker makes the worker, which has a connection of its own.
func (c *upCmd) worker(server *own, w *watched, log hclog.Logger) (*daemon.Worker, error) {
	conn, err := server.as(natsconf.Worker, log)
	if err != nil {
		return nil, err
	}
	cfg := working(conn, workerName(""), c.Work, log)
	cfg.Meter = w.Worker(cfg.Slots())
	return newWorker(cfg)
}

// folderFault says whose folder it is that can't be used.
func (c *upCmd) folderFault(err error, dir string) error {
	if errors.Is(err, bus.ErrLocked) {
		return usagef("--data-dir %s: another process is using the folder", dir)
	}
	return err
}

// folder is where all is kept, and nobody else stores until release. It is made for this user
// alone.
func (c *upCmd) folder() (folder string, release func(), err error) {
	dir := c.DataDir
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", nil, usagef("--data-dir: no folder of the user's own is known: %w", err)
		}
		dir = filepath.Join(home, ".local", "share", "sluice")
		if data := os.Getenv("XDG_DATA_HOME"); data != "" {
			dir = filepath.Join(data, "sluice")
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", nil, usagef("--data-dir: %w", err)
	}
	release, err = bus.HoldFolder(dir) // sluice run would store in it
	return dir, release, c.folderFault(err, dir)
}

// keyFile is the file of the key by which secrets are encrypted.
func (c *upCmd) keyFile(dir string) string {
	if c.SecretKeyFile != "" {
		return c.SecretKeyFile
	}
	return filepath.Join(dir, "secrets.key")
}

// invite writes the context, with a key of role admin that is kept in the folder, too. Where the
// context was that of another cluster it is said.
func (c *upCmd) invite(ctx context.Context, coord *daemon.Coordinator, dir, address string, out io.Writer) error {
	token, err := adminKey(ctx, coord, defaultProject, filepath.Join(dir, "admin.key"))
	if err != nil {
		return err
	}
	return changeContexts(func(all *contexts) error {
		k, there := all.Contexts[c.ContextName]
		if there && k.Key != token {
			fmt.Fprintf(out, "context %s was that of %s, and is now that of %s; --context-name keeps both\n", c.ContextName, k.Server, address)
			k = cluster{}
		}
		k.Server, k.Key = address, token
		all.Contexts[c.ContextName] = k
		if all.Current == "" {
			all.Current = c.ContextName
		}
		if all.Current != c.ContextName {
			fmt.Fprintf(out, "context %s is kept, and %s is the current one: sluice context %s picks it\n", c.ContextName, all.Current, c.ContextName)
		}
		return nil
	})
}

// adminKey returns the key of a project's admin: that in the file, while it is good, or else a
// new one.
func adminKey(ctx context.Context, coord *daemon.Coordinator, project, file string) (string, error) {
	keys, err := coord.Keys(project)
	if err != nil {
		return "", err
	}
	old, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("the admin's key: %w", err)
	}
	if token := strings.TrimSpace(string(old)); token != "" {
		if k, err := keys.Show(auth.PrefixOf(token)); err == nil && k.Revoked.IsZero() {
			return token, nil
		}
	}
	_, token, err := keys.Create(ctx, coordinator.Key{Name: "admin", Role: coordinator.Admin, By: "the operator"})
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o700)
	}
	if err == nil {
		err = os.WriteFile(file, []byte(token+"\n"), 0o600)
	}
	return token, err
}
