package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/cmd/sluice/settings"
	"sluice/coordinator/auth"
	"sluice/internal/bus"
	"sluice/internal/daemon"
	"sluice/internal/endpoint"
	"sluice/nodes/all"
	fetch "sluice/nodes/net"
)

// group runs services until one fails, or the process is told to end.
type group struct {
	all  sync.WaitGroup
	once sync.Once
	err  error
	end  context.CancelFunc
}

func (g *group) run(f func() error) {
	g.all.Go(func() {
		if err := f(); err != nil {
			g.once.Do(func() { g.err = err })
		}
		g.end()
	})
}

// ends logs that a service was told to end.
func ends(log hclog.Logger, within time.Duration) func() {
	return func() {
		log.Info("ends: what is in hand comes to rest; a second signal ends it at once", "within", within)
	}
}

// hostName is what a service is called that has no name of its own.
func hostName(name string) string {
	if name != "" {
		return name
	}
	host, err := os.Hostname()
	if err != nil {
		return "sluice"
	}
	return host
}

// workerName is a name that no other worker has.
func workerName(name string) string {
	if name != "" {
		return name
	}
	return strings.ReplaceAll(hostName(""), ".", "-") + "-" + strings.ToLower(rand.Text()[:8])
}

// ready refuses a start with settings that nothing could come of, before anything runs, and warns of
// variables that look like a setting and are none.
func ready(set *settings.Resolver, service string, log hclog.Logger) error {
	for _, text := range settings.Strays(service, os.Environ()) {
		log.Warn(text)
	}
	if err := set.Ready(kindNames()); err != nil {
		return exitError{codeUsage, err}
	}
	return nil
}

// listeners are those of a service: of the API, nil for a worker, and of what watches it alone, nil
// for none.
type listeners struct{ api, metrics net.Listener }

// open opens what a service listens on, so that nothing has begun when it can't.
func (l *listeners) open(ctx context.Context, api, metrics string, e *settings.Endpoint, t *hearing, log hclog.Logger) (err error) {
	if api != "" {
		if l.api, err = listen(ctx, "--listen", api, "the API", e, log); err != nil {
			return err
		}
		t.rereads(l.api)
	}
	if metrics == "" {
		return nil
	}
	if l.metrics, err = listen(ctx, "--metrics-listen", metrics, "metrics", e, log); err != nil {
		l.close()
		return err
	}
	t.rereads(l.metrics)
	return nil
}

// close closes what a start that broke off has opened. Who serves on one closes it, too.
func (l *listeners) close() {
	for _, ln := range []net.Listener{l.api, l.metrics} {
		if ln != nil {
			_ = ln.Close()
		}
	}
}

// listen opens a listener; what keeps it from being opened is a setting that has to be another.
func listen(ctx context.Context, flag, address, what string, e *settings.Endpoint, log hclog.Logger) (net.Listener, error) {
	ln, err := endpoint.Listen(ctx, e.At(address, what, log))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, usagef("%s %s: another process listens there; %s HOST:PORT names another place, port 0 any free one", flag, address, flag)
	case err != nil:
		return nil, usagef("%w", err)
	}
	return ln, nil
}

// addressOf is where an API can be reached from this machine.
func addressOf(ln net.Listener, e settings.Endpoint) string {
	scheme := "http"
	if e.TLSListenCert != "" {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(ln.Addr().String())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// provider is the identity provider of the settings, nil for none.
func provider(o settings.OIDC) *auth.OIDC {
	if o.OIDCIssuer == "" {
		return nil
	}
	return &auth.OIDC{Issuer: o.OIDCIssuer, Audience: o.OIDCAudience, RoleClaim: o.OIDCRoleClaim, Roles: o.Roles(), ProjectClaim: o.OIDCProjectClaim}
}

// serve runs a coordinator and its API until ctx ends.
func serve(ctx context.Context, g *group, c *daemon.Coordinator, ln net.Listener, h http.Handler, s daemon.Serving) {
	g.run(func() error { return c.Run(ctx) })
	g.run(func() error { return daemon.Serve(ctx, ln, h, s) })
}

// working is the configuration of a worker.
func working(conn *bus.Conn, name string, w settings.Work, log hclog.Logger) daemon.WorkerConfig {
	return daemon.WorkerConfig{Conn: conn, Catalogue: all.Catalogue(), Name: name, Version: versionText(), Kinds: w.Kinds, Pool: w.Pool, Concurrency: w.Concurrency, FullShare: w.FullShare, Root: w.Root,
		Dial: (&fetch.Guard{Allow: w.Networks()}).Dial, Log: log}
}

// defaultProject is the one project where no others are named.
const defaultProject = "default"

// newWorker makes a worker, before anything says that it works.
func newWorker(cfg daemon.WorkerConfig) (*daemon.Worker, error) {
	w, err := daemon.NewWorker(cfg)
	if errors.As(err, new(daemon.ConfigError)) {
		return nil, usagef("%w", err)
	}
	return w, err
}

// lastMoment is what services that keep to their time may need to say so.
const lastMoment = 500 * time.Millisecond

// wait returns when all services have ended, with the error of the first that failed; at the
// latest so long behind the end of ctx.
func (g *group) wait(ctx context.Context, within time.Duration) error {
	ended := make(chan struct{})
	go func() { defer close(ended); g.all.Wait() }()
	select {
	case <-ended:
		return g.err
	case <-ctx.Done():
	}
	select {
	case <-ended:
		return g.err
	case <-time.After(within + lastMoment):
		return fmt.Errorf("not at rest within %s (--drain-within): what was in hand is done anew by who goes on with it", within)
	}
}
