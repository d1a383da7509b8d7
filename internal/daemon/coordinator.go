package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/coordinator"
	"sluice/coordinator/api"
	"sluice/coordinator/auth"
	"sluice/coordinator/events/live"
	"sluice/coordinator/library"
	"sluice/coordinator/secret"
	"sluice/internal/telemetry"
	"sluice/nodes"
)

// CoordinatorConfig says what a coordinator serves. Projects and Catalogue must be set; each
// project's control plane holds the lease by which one of several coordinators leads it.
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
	Files          coordinator.FileLimits // of a project; see files.Config
	Lease          time.Duration          // of the leader; see lead.Config
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
	sockets *live.Handler
	http    http.Handler
	turns   *library.Turns // of compiling, of all projects
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
	c = &Coordinator{cfg: cfg, log: cfg.Log, turns: library.NewTurns(0, 0)}
	defer func(opened *Coordinator) {
		if err != nil {
			opened.Close()
		}
	}(c)
	known := auth.Config{OIDC: cfg.OIDC, Log: c.log}
	for _, p := range cfg.Projects {
		r, err := c.openRooms(ctx, p)
		if err != nil {
			return nil, err
		}
		c.rooms = append(c.rooms, r)
		known.Projects = append(known.Projects, auth.Project{Name: p.Name, Control: r.control})
	}
	if c.auth, err = auth.New(known); err != nil {
		return nil, err
	}
	served := map[string]*api.Project{}
	for _, r := range c.rooms {
		if r.Keys, err = c.auth.Keys(r.name); err != nil {
			return nil, err
		}
		r.Fleet.Changed(r.lead(&c.cfg).Nudge)
		if err := r.control.Follow(ctx); err != nil {
			return nil, fmt.Errorf("project %s: %w", r.name, err)
		}
		if err := r.control.Claim(ctx, r.name); err != nil {
			return nil, err
		}
		served[r.name] = &r.Project
	}
	if err := c.auth.Confirm(ctx); err != nil {
		return nil, err
	}
	if c.sockets, err = c.live(); err != nil {
		return nil, err
	}
	var metrics http.Handler
	if cfg.Watched != nil {
		metrics = cfg.Watched.Handler()
	}
	c.http = api.New(api.Config{Version: cfg.Version, Projects: served, Auth: c.auth, Live: c.sockets, Metrics: metrics, MaxBody: cfg.MaxBody, BodyWait: cfg.BodyWait,
		PerAddress: asked(cfg.PerAddress, addressRate, addressBurst), PerUser: asked(cfg.PerUser, userRate, userBurst), Log: c.log})
	if cfg.Watched != nil {
		c.http = cfg.Watched.Requests(cfg.Tracer, c.http)
		cfg.Watched.Coordinator(c.measures())
	}
	return c, nil
}

// Leads reports whether this coordinator leads a project now.
func (c *Coordinator) Leads(project string) bool {
	for _, r := range c.rooms {
		if r.name == project {
			return r.leads()
		}
	}
	return false
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

// Run leads each project when it is its turn, and proves keys, until ctx ends.
func (c *Coordinator) Run(ctx context.Context) error {
	var all, led sync.WaitGroup
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
		all.Go(func() { r.sweep(ctx, c.log) })
		led.Go(func() { _ = r.leader.Load().Run(ctx) })
	}
	led.Wait()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), socketGrace)
	defer cancel()
	if err := c.sockets.Close(stop); err != nil {
		c.log.Debug("sockets were cut off", "err", err)
	}
	all.Wait()
	return nil
}

// Close ends the following of all projects; their connections stay open.
func (c *Coordinator) Close() {
	for _, r := range c.rooms {
		r.shut()
	}
}
