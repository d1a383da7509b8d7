package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/coordinator/api"
	"sluice/coordinator/auth"
	"sluice/coordinator/events/live"
	"sluice/coordinator/lead"
	"sluice/coordinator/secret"
	"sluice/internal/telemetry"
	"sluice/nodes"
)

// CoordinatorConfig says what a coordinator serves. Projects and Catalogue must be set; the first
// project's account also holds the lease by which one of several coordinators leads.
type CoordinatorConfig struct {
	Name      string
	Version   string
	Projects  []Project
	Catalogue *nodes.Catalogue
	OIDC      *auth.OIDC // nil for none
	// SecretKeys are the master keys of secrets; nil keeps none.
	SecretKeys *secret.Keyring

	Replicas       int
	History        time.Duration
	MaxRunning     int
	MaxJobsPerUser int
	Lease          time.Duration // of the leader; see lead.Config
	// AckWait, StepLease and Stall are those of job.Config.
	AckWait, StepLease, Stall time.Duration

	// PerAddress and PerUser are the requests a second that an address and a user may send; 0 is
	// the usual, below 0 no bound.
	PerAddress, PerUser int

	MaxBody  int64         // bytes of a request's body; 0 is api.MaxBody
	BodyWait time.Duration // how long it may take to arrive; 0 is api.BodyWait
	Origins  []string      // of pages that may open a WebSocket
	// AllowPlain lets sockets in without TLS also off loopback.
	AllowPlain bool

	Watched *telemetry.Metrics // nil measures nothing
	Tracer  *telemetry.Tracer  // nil traces nothing
	Log     hclog.Logger
}

// Coordinator is one at work: it answers from its own memory, and leads when it is its turn.
type Coordinator struct {
	cfg     CoordinatorConfig
	log     hclog.Logger
	rooms   []*rooms
	auth    *auth.Auth
	leader  atomic.Pointer[lead.Leader]
	sockets *live.Handler
	http    http.Handler
}

// NewCoordinator opens all that a coordinator keeps, reads it and follows. Run makes it work;
// Close ends the following.
func NewCoordinator(ctx context.Context, cfg CoordinatorConfig) (c *Coordinator, err error) {
	if len(cfg.Projects) == 0 || cfg.Catalogue == nil {
		return nil, errors.New("a coordinator needs a project and a catalogue of kinds")
	}
	if cfg.Log == nil {
		cfg.Log = hclog.NewNullLogger()
	}
	c = &Coordinator{cfg: cfg, log: cfg.Log}
	defer func(opened *Coordinator) {
		if err != nil {
			opened.Close()
		}
	}(c)
	known := auth.Config{OIDC: cfg.OIDC, Log: c.log}
	var led []lead.Project
	for _, p := range cfg.Projects {
		r, err := c.openRooms(ctx, p)
		if err != nil {
			return nil, err
		}
		c.rooms = append(c.rooms, r)
		known.Projects = append(known.Projects, auth.Project{Name: p.Name, Control: r.control})
		led = append(led, r.led(&c.cfg))
	}
	if c.auth, err = auth.New(known); err != nil {
		return nil, err
	}
	leader := lead.New(lead.Config{Name: cfg.Name, Control: c.rooms[0].control, Lease: cfg.Lease, MaxRunning: cfg.MaxRunning, History: cfg.History, Span: cfg.Tracer.Span, Log: c.log}, led...)
	c.leader.Store(leader)
	served := map[string]*api.Project{}
	for _, r := range c.rooms {
		if r.Keys, err = c.auth.Keys(r.name); err != nil {
			return nil, err
		}
		r.Fleet.Changed(func() { leader.Nudge(r.name) })
		if err := r.control.Follow(ctx); err != nil {
			return nil, fmt.Errorf("project %s: %w", r.name, err)
		}
		served[r.name] = &r.Project
	}
	if err := c.auth.Confirm(ctx); err != nil {
		return nil, err
	}
	if c.sockets, err = c.live(); err != nil {
		return nil, err
	}
	c.http = api.New(api.Config{Version: cfg.Version, Projects: served, Auth: c.auth, Live: c.sockets, MaxBody: cfg.MaxBody, BodyWait: cfg.BodyWait,
		PerAddress: asked(cfg.PerAddress, addressRate, addressBurst), PerUser: asked(cfg.PerUser, userRate, userBurst), Log: c.log})
	if cfg.Watched != nil {
		c.http = cfg.Watched.Requests(cfg.Tracer, c.http)
		cfg.Watched.Coordinator(c.measures())
	}
	return c, nil
}

// Leads reports whether this coordinator leads now.
func (c *Coordinator) Leads() bool {
	leader := c.leader.Load()
	return leader != nil && leader.Leads()
}

// Handler returns the API.
func (c *Coordinator) Handler() http.Handler { return c.http }

// Keys returns the API keys of a project.
func (c *Coordinator) Keys(project string) (*auth.Keys, error) { return c.auth.Keys(project) }

// CheckSecrets says whether all secrets that are stored can be read here: an error where they are
// encrypted with another master key. A coordinator that has none, and secrets that it can't tell
// workers, is logged.
func (c *Coordinator) CheckSecrets() error {
	for _, r := range c.rooms {
		err := r.Secrets.Check()
		if err != nil && c.cfg.SecretKeys != nil {
			return err
		}
		if err != nil && r.Secrets.Used() {
			c.log.Warn(err.Error(), "hint", "start it with --secret-key-file, the same at all coordinators")
		}
	}
	return nil
}

// socketGrace is how long sockets may take to close when the coordinator ends.
const socketGrace = 2 * time.Second

// Run leads when it is its turn, and proves keys, until ctx ends.
func (c *Coordinator) Run(ctx context.Context) error {
	var all sync.WaitGroup
	all.Go(func() { _ = c.auth.Run(ctx) })
	for _, r := range c.rooms {
		all.Go(func() { _ = r.Audit.Run(ctx) })
		if r.sealed != nil {
			all.Go(func() {
				if err := r.sealed.Serve(ctx); err != nil && ctx.Err() == nil {
					c.log.Error("secrets are not told to workers", "project", r.name, "err", err)
				}
			})
		}
		all.Go(func() { r.sweep(ctx, c) })
	}
	err := c.leader.Load().Run(ctx)
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), socketGrace)
	defer cancel()
	if err := c.sockets.Close(stop); err != nil {
		c.log.Debug("sockets were cut off", "err", err)
	}
	all.Wait()
	return err
}

// Close ends the following of all projects; their connections stay open.
func (c *Coordinator) Close() {
	for _, r := range c.rooms {
		r.shut()
	}
}

// Bounds of the API's connections. What is transferred, or followed, has bounds of its own.
const (
	headerWait = 5 * time.Second
	idleWait   = 2 * time.Minute
	maxHeader  = 64 << 10
	// streamGrace is how long what is followed may go on when the service ends: a client goes on
	// with another coordinator.
	streamGrace = time.Second
)

// Serve answers HTTP on a listener until ctx ends, and then finishes what it is at, for as long
// as within.
func Serve(ctx context.Context, ln net.Listener, h http.Handler, within time.Duration, log hclog.Logger) error {
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	server := &http.Server{Handler: h, ReadHeaderTimeout: headerWait, IdleTimeout: idleWait, MaxHeaderBytes: maxHeader,
		BaseContext: func(net.Listener) context.Context { return base },
		ErrorLog:    log.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug})}
	done := make(chan error, 1)
	go func() { done <- server.Serve(ln) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
	defer cancel()
	time.AfterFunc(min(within, streamGrace), cut)
	err := server.Shutdown(stop)
	if errors.Is(err, context.DeadlineExceeded) {
		log.Warn("requests were cut off at the end")
		err = server.Close()
	}
	<-done
	return err
}
