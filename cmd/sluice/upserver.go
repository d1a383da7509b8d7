package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/hashicorp/go-hclog"

	"sluice/internal/bus"
	"sluice/internal/bus/natsconf"
	"sluice/internal/daemon"
	"sluice/internal/endpoint"
)

// own is the NATS server of up, and the keys for it: nobody connects without one, wherever the
// server listens.
type own struct {
	*bus.Server
	keys string // folder with a seed for each role
}

// seed is the file with the seed of a role.
func (o *own) seed(r natsconf.Role) string {
	return filepath.Join(o.keys, defaultProject, natsconf.SeedOf(r))
}

// as connects inside the process in a role.
func (o *own) as(r natsconf.Role, log hclog.Logger) (*bus.Conn, error) {
	return o.Connect("sluice "+string(r), bus.As(r), bus.SeedFile(o.seed(r)), bus.Log(log.Named("conn")))
}

// project connects to the two accounts of the one project.
func (o *own) project(log hclog.Logger) (p daemon.Project, err error) {
	p.Name = defaultProject
	if p.Conn, err = o.as(natsconf.Coordinator, log); err == nil {
		p.Control, err = o.as(natsconf.Control, log)
	}
	return p, err
}

// joins says how a worker of another process joins, where there is a port for it.
func (o *own) joins() string {
	url := o.URL()
	if url == "" {
		return ""
	}
	return fmt.Sprintf("more workers: sluice worker --nats %s --nats-nkey %s\n", url, o.seed(natsconf.Worker))
}

// needs are what the server is held to; how it syncs is known here.
func (c *upCmd) needs() bus.Needs {
	return bus.Needs{Replicas: c.Replicas, Sync: &bus.Sync{Always: c.NATSSync.Always, Every: c.NATSSync.Every}}
}

// storing is what the server keeps, where and how.
func (c *upCmd) storing(dir string, log hclog.Logger) bus.ServerConfig {
	return bus.ServerConfig{Dir: filepath.Join(dir, "nats"), MaxMemory: bus.DefaultMaxMemory,
		SyncAlways: c.NATSSync.Always, SyncEvery: c.NATSSync.Every, Log: log.Named("nats")}
}

// server starts the NATS server, of a cluster where that is wanted.
func (c *upCmd) server(ctx context.Context, dir string, log hclog.Logger) (*own, error) {
	cfg := c.storing(dir, log)
	if err := c.listens(ctx, &cfg, log); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(cfg.Dir, bus.StoreDir, bus.NoAccount)); err == nil {
		return nil, usagef("--data-dir %s: what it holds was stored before the server of up had accounts; take another folder", dir)
	}
	o := &own{keys: filepath.Join(dir, "nats-keys")}
	var err error
	if cfg.Accounts, err = natsconf.Own(o.keys, defaultProject); err != nil {
		return nil, fmt.Errorf("the keys of the NATS server: %w", err)
	}
	if cfg.Cluster.Name != "" {
		if cfg.Cluster.Token, err = natsconf.RoutePassword(o.keys); err != nil {
			return nil, err
		}
	}
	o.Server, err = bus.StartServer(cfg)
	return o, c.folderFault(err, dir)
}

// listens says where the server listens, and how.
func (c *upCmd) listens(ctx context.Context, cfg *bus.ServerConfig, log hclog.Logger) (err error) {
	if c.NATSListen != "" {
		if cfg.Listen, err = endpoint.Allow(ctx, c.At(c.NATSListen, "NATS", log)); err != nil {
			return usagef("%w", err)
		}
		if err := free(ctx, "--nats-listen", cfg.Listen); err != nil {
			return err
		}
		cfg.TLS = bus.ServerTLS{Cert: c.TLSListenCert, Key: c.TLSListenKey}
	}
	if c.ClusterListen == "" {
		return nil
	}
	between := c.Between()
	tls := bus.TLSFiles{CA: c.ClusterCA, Cert: between.TLSListenCert, Key: between.TLSListenKey}
	cfg.Cluster = bus.Cluster{Name: c.ClusterName, Server: hostName(c.Name), Routes: c.ClusterRoutes, TLS: tls}
	if cfg.Cluster.Listen, err = endpoint.Allow(ctx, between.At(c.ClusterListen, "the NATS cluster", log)); err != nil {
		return usagef("%w; TLS between servers needs --cluster-ca, too", err)
	}
	return free(ctx, "--cluster-listen", cfg.Cluster.Listen)
}

// free refuses an address on which another process listens: the server says that where nobody
// looks, or not at all.
func free(ctx context.Context, flag, address string) error {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return usagef("%s %s: another process listens there; %s HOST:PORT names another place, port 0 any free one", flag, address, flag)
	case err != nil:
		return usagef("%s %s: %w", flag, address, err)
	}
	return ln.Close()
}
