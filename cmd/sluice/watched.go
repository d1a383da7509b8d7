package main

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/cmd/sluice/settings"
	"sluice/internal/bus"
	"sluice/internal/telemetry"
)

// watched is how a service can be watched: its metrics, its health and its traces.
type watched struct {
	*telemetry.Metrics
	health telemetry.Health
	tracer *telemetry.Tracer
}

func watch(ctx context.Context, service string, c *settings.Common, log hclog.Logger) (*watched, error) {
	w := &watched{Metrics: telemetry.New(service, versionText())}
	var err error
	w.tracer, err = telemetry.NewTracer(ctx, c.Traces(service, versionText(), log))
	return w, err
}

// connection tells of a connection to a project's account.
func (w *watched) connection(project string, conn *bus.Conn) {
	w.Connection(project, conn.Connected, conn.Reconnects)
	w.health.Check("nats "+project, func(context.Context) error {
		if !conn.Connected() {
			return bus.ErrDisconnected
		}
		return nil
	})
}

// handler serves /healthz, /readyz and /metrics.
func (w *watched) handler() http.Handler { return telemetry.Handler(&w.health, w.Handler()) }

// apart serves it on a listener of its own, where there is one.
func (w *watched) apart(ctx context.Context, g *group, ln net.Listener, log hclog.Logger) {
	if ln != nil {
		g.run(func() error { return telemetry.Serve(ctx, ln, w.handler(), log) })
	}
}

// beside serves it on the API's listener, beside the API, which asks for a key for the metrics
// where others can reach the listener.
func (w *watched) beside(api http.Handler, ln net.Listener) http.Handler {
	own, near := w.handler(), onLoopback(ln.Addr())
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/healthz", r.URL.Path == "/readyz", r.URL.Path == "/metrics" && near:
			own.ServeHTTP(rw, r)
			return
		}
		api.ServeHTTP(rw, r)
	})
}

// onLoopback reports whether only this machine reaches an address.
func onLoopback(a net.Addr) bool {
	at, err := netip.ParseAddrPort(a.String())
	return err == nil && at.Addr().Unmap().IsLoopback()
}

// traceWithin bounds the sending of what is left to be traced at the end.
const traceWithin = 3 * time.Second

func (w *watched) close() {
	ctx, cancel := context.WithTimeout(context.Background(), traceWithin)
	defer cancel()
	_ = w.tracer.Close(ctx) // its errors are logged
}
