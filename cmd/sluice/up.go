package main

import (
	"context"
	"errors"
	"fmt"
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
	"sluice/internal/daemon"
	"sluice/internal/endpoint"
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

// localContext is the context that up writes.
const localContext = "local"

// Run serves until it is told to end.
func (c upCmd) Run(parent context.Context, std streams) error {
	log := c.Logger("sluice", std.err)
	ctx, end, told := untilTold(parent, log, ends(log, c.DrainWithin))
	defer end()
	dir, err := c.folder()
	if err != nil {
		return err
	}
	ln, err := listen(ctx, c.API, c.Endpoint, log)
	if err != nil {
		return err
	}
	defer ln.Close()
	told.rereads(ln)
	server, err := c.server(ctx, dir, log)
	if err != nil {
		return err
	}
	defer server.Shutdown()
	conn, err := server.Connect("coordinator", bus.Log(log.Named("conn")))
	if err != nil {
		return err
	}
	keys, err := secret.EnsureKeyring(c.keyFile(dir))
	if err != nil {
		return err
	}
	w, err := watch(ctx, "up", &c.Common, log)
	if err != nil {
		return err
	}
	defer w.close()
	w.connection(defaultProject, conn)
	coord, err := c.coordinator(ctx, conn, keys, w, log)
	if err != nil {
		return err
	}
	defer coord.Close()
	if err := coord.CheckSecrets(); err != nil { // no refusal: where the key is lost, secrets can be deleted and set anew
		log.Error("secrets can't be read: "+err.Error(), "hint", "put the key back: "+c.keyFile(dir))
	}
	address := addressOf(ln, c.Endpoint)
	if err := c.invite(ctx, coord, dir, address); err != nil {
		return err
	}
	wconn, err := server.Connect("worker", bus.Log(log.Named("conn")))
	if err != nil {
		return err
	}
	workCfg := working(wconn, workerName(""), c.Work, log)
	workCfg.Meter = w.Worker(c.Nodes())
	work, err := daemon.NewWorker(workCfg)
	if err != nil {
		return usagef("%w", err)
	}
	defer work.Close()
	g := &group{end: end}
	w.health.Check("control plane", coord.Ready)
	if err := w.apart(ctx, g, told, c.MetricsListen, &c.Endpoint, log); err != nil {
		return err
	}
	serve(ctx, g, coord, ln, w.beside(coord.Handler()), c.DrainWithin, log)
	g.run(func() error { return work.Run(ctx) })
	fmt.Fprintf(std.out, "sluice is up: %s\n", address)
	return g.wait(ctx, c.DrainWithin)
}

// coordinator opens the coordinator of the one project that there is.
func (c *upCmd) coordinator(ctx context.Context, conn *bus.Conn, keys *secret.Keyring, w *watched, log hclog.Logger) (*daemon.Coordinator, error) {
	cfg := coordinatorConfig(c.Name, c.API, c.OIDC, c.Jobs, c.Replicas)
	cfg.Projects, cfg.Catalogue, cfg.SecretKeys, cfg.AllowPlain = projectsOf(conn), all.Catalogue(), keys, c.InsecureListen
	cfg.Log, cfg.Watched, cfg.Tracer = log, w.Metrics, w.tracer
	return daemon.NewCoordinator(ctx, cfg)
}

// server starts the NATS server, of a cluster where that is wanted.
func (c *upCmd) server(ctx context.Context, dir string, log hclog.Logger) (*bus.Server, error) {
	for what, address := range map[string]string{"NATS": c.NATSListen, "the NATS cluster": c.ClusterListen} {
		if address == "" {
			continue
		}
		if _, err := endpoint.Allow(ctx, c.At(address, what, log)); err != nil {
			return nil, usagef("%w", err)
		}
	}
	cfg := bus.ServerConfig{Dir: filepath.Join(dir, "nats"), Listen: c.NATSListen, Log: log.Named("nats")}
	if c.ClusterListen != "" {
		cfg.Cluster = bus.Cluster{Name: c.ClusterName, Server: hostName(c.Name), Listen: c.ClusterListen, Routes: c.ClusterRoutes}
	}
	server, err := bus.StartServer(cfg)
	if errors.Is(err, bus.ErrLocked) {
		return nil, usagef("--data-dir %s: another process is using the folder", dir)
	}
	return server, err
}

// folder is where all is kept. It is made for this user alone.
func (c *upCmd) folder() (string, error) {
	dir := c.DataDir
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", usagef("--data-dir: no folder of the user's own is known: %w", err)
		}
		dir = filepath.Join(home, ".local", "share", "sluice")
		if data := os.Getenv("XDG_DATA_HOME"); data != "" {
			dir = filepath.Join(data, "sluice")
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", usagef("--data-dir: %w", err)
	}
	return dir, nil
}

// keyFile is the file of the key by which secrets are encrypted.
func (c *upCmd) keyFile(dir string) string {
	if c.SecretKeyFile != "" {
		return c.SecretKeyFile
	}
	return filepath.Join(dir, "secrets.key")
}

// invite writes the context local, with a key of role admin that is kept in the folder, too.
func (c *upCmd) invite(ctx context.Context, coord *daemon.Coordinator, dir, address string) error {
	token, err := adminKey(ctx, coord, defaultProject, filepath.Join(dir, "admin.key"))
	if err != nil {
		return err
	}
	return changeContexts(func(all *contexts) {
		k := all.Contexts[localContext]
		k.Server, k.Key = address, token
		all.Contexts[localContext] = k
		if all.Current == "" {
			all.Current = localContext
		}
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
