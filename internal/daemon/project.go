package daemon

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/coordinator/api"
	"sluice/coordinator/audit"
	"sluice/coordinator/dead"
	"sluice/coordinator/events"
	"sluice/coordinator/files"
	"sluice/coordinator/fleet"
	"sluice/coordinator/job"
	"sluice/coordinator/lead"
	"sluice/coordinator/library"
	"sluice/coordinator/secret"
	"sluice/coordinator/store"
	"sluice/coordinator/tap"
	"sluice/internal/bus"
	"sluice/internal/telemetry"
	"sluice/recipe"
)

// Project is a project and the coordinator's connections to its accounts: that in which its jobs
// run, and that of its control plane, which workers can't reach; nil where both are one.
type Project struct {
	Name    string
	Conn    *bus.Conn
	Control *bus.Conn
}

// rooms are what the coordinator keeps of a project.
type rooms struct {
	api.Project
	name    string
	conn    *bus.Conn
	control *store.Control
	sealed  *secret.Server // nil without a master key
	leader  atomic.Pointer[lead.Leader]
	close   []func()
}

// openRooms opens all of a project but what follows: views are added to its control plane before.
func (c *Coordinator) openRooms(ctx context.Context, p Project) (r *rooms, err error) {
	r = &rooms{name: p.Name, conn: p.Conn}
	defer func() {
		if err != nil {
			r.shut()
			err = fmt.Errorf("project %s: %w", p.Name, err)
		}
	}()
	if err = job.EnsureJobs(ctx, p.Conn, c.cfg.Replicas); err != nil {
		return r, err
	}
	if p.Control == nil {
		p.Control = p.Conn
	}
	log := c.log.With("project", p.Name)
	if r.control, err = store.Open(ctx, store.Config{Conn: p.Control, Replicas: c.cfg.Replicas, Log: log}); err != nil {
		return r, err
	}
	r.close = append(r.close, r.control.Close)
	r.Jobs = store.NewJobs(r.control)
	r.Away = func() time.Duration { return max(p.Conn.Away(), p.Control.Away()) }
	if r.Events, err = events.Open(ctx, events.Config{Conn: p.Control, Replicas: c.cfg.Replicas, Serves: r.serves, Log: log}); err != nil {
		return r, err
	}
	r.close = append(r.close, r.Events.Close)
	r.Fleet, err = fleet.Open(ctx, fleet.Config{Conn: p.Conn, Catalogue: c.cfg.Catalogue, Emit: r.Events.Emit, Leads: r.leads, Replicas: c.cfg.Replicas, Log: log})
	if err != nil {
		return r, err
	}
	r.close = append(r.close, r.Fleet.Close)
	timing, hush := context.WithCancel(context.WithoutCancel(ctx))
	r.close = append(r.close, hush)
	go p.Conn.KeepTime(timing, bus.JobsStream)
	r.Taps = tap.New(tap.Config{Conn: p.Conn, Jobs: r.Jobs})
	r.close = append(r.close, r.Taps.Close)
	if r.Secrets, err = secret.New(secret.Config{Control: r.control, Project: p.Name, Keys: c.cfg.SecretKeys, Log: log}); err != nil {
		return r, err
	}
	r.Library = library.New(library.Config{Project: p.Name, Control: r.control, Jobs: r.Jobs, Catalogue: r.Fleet.Catalogue, Rootless: r.Fleet.Rootless,
		PerUser: c.cfg.MaxJobsPerUser, Secret: r.Secrets.Exists, Artifact: r.has, Room: r.room(c.cfg.Replicas), Trace: telemetry.TraceParent, Turns: c.turns,
		Frame: frames(c.cfg.Replicas)})
	r.Dead = dead.NewBox(dead.BoxConfig{Conn: p.Conn, Jobs: r.Jobs, Turns: store.NewTable[dead.Turn](r.control, "turn"), Catalogue: r.Fleet.Catalogue, Turn: r.Library.Turn, Admit: r.Library.Admit, Stay: r.Library.Stay})
	if r.Files, err = files.New(ctx, files.Config{Conn: p.Conn, Control: r.control, Limits: c.cfg.Files, Replicas: c.cfg.Replicas, Live: r.live, Using: files.UsedBy(r.Jobs, r.Library.Naming), Log: log}); err != nil {
		return r, err
	}
	if r.Audit, err = audit.Open(ctx, audit.Config{Conn: p.Control, Replicas: c.cfg.Replicas, Log: log}); err != nil || c.cfg.SecretKeys == nil {
		return r, err
	}
	r.sealed, err = secret.NewServer(secret.ServerConfig{Bus: p.Conn, Secrets: r.Secrets, Jobs: r.Jobs, Workers: known{r.Fleet}, Log: log})
	return r, err
}

// room returns what tells how much of their streams the project's jobs may store, and what is
// stored: each copy counts.
func (r *rooms) room(replicas int) func(context.Context) (most, used int64, err error) {
	copies := int64(max(1, replicas))
	return func(ctx context.Context) (most, used int64, err error) {
		most, used, err = r.conn.MaxStore(ctx)
		return most / copies, used / copies, err
	}
}

// has reports whether the project has an artifact of that digest.
func (r *rooms) has(ctx context.Context, sha256 string) (bool, error) {
	return r.Files.Has(ctx, sha256)
}

// live reports whether a job may still write files.
func (r *rooms) live(id recipe.JobID) bool {
	j, err := r.Jobs.Job(id)
	return err == nil && !j.State.Final()
}

// lead makes the leader of the project, before its control plane follows.
func (r *rooms) lead(c *CoordinatorConfig) *lead.Leader {
	l := lead.New(lead.Config{Name: c.Name, Control: r.control, Lease: c.Lease, MaxRunning: c.MaxRunning, History: c.History, Span: c.Tracer.Span, Log: c.Log},
		lead.Project{Name: r.name, Conn: r.conn, Jobs: r.Jobs, Events: r.Events, Files: r.Files, Missing: r.Fleet.Missing, Forget: r.forget,
			AckWait: c.AckWait, Lease: c.StepLease, Stall: c.Stall, Replicas: c.Replicas})
	r.leader.Store(l)
	return l
}

// leads reports whether this coordinator leads the project now.
func (r *rooms) leads() bool {
	l := r.leader.Load()
	return l != nil && l.Leads()
}

// forget removes what is kept of a job that is being deleted, beside its records.
func (r *rooms) forget(ctx context.Context, id recipe.JobID) error {
	if err := r.Dead.Forget(ctx, id); err != nil {
		return err
	}
	return r.Events.Remove(ctx, id)
}

func (r *rooms) shut() {
	for i := len(r.close) - 1; i >= 0; i-- {
		r.close[i]()
	}
}

// sweepEvery is how often files and streams are looked for that nobody needs any more.
const sweepEvery = 10 * time.Minute

// sweep removes what uploads and jobs have left, on the coordinator that leads, until ctx ends.
func (r *rooms) sweep(ctx context.Context, log hclog.Logger) {
	var orphans job.Orphans
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if !r.leads() {
				continue
			}
			if err := r.Files.Sweep(ctx); err != nil && ctx.Err() == nil {
				log.Warn("files were not swept", "project", r.name, "err", err)
			}
			streams, err := orphans.Sweep(ctx, r.conn)
			if len(streams) > 0 {
				log.Info("streams that no job needs were removed", "project", r.name, "streams", streams)
			}
			if err != nil && ctx.Err() == nil {
				log.Warn("streams of jobs were not swept", "project", r.name, "err", err)
			}
			if err := r.Library.Sweep(ctx); err != nil && ctx.Err() == nil {
				log.Warn("recipes were not swept", "project", r.name, "err", err)
			}
			if err := r.control.Sweep(ctx); err != nil && ctx.Err() == nil {
				log.Warn("marks of removed records were not swept", "project", r.name, "err", err)
			}
		}
	}
}

// frames are the bounds of frames where so many servers keep each message. Most of what several
// servers do is by the frame, and the frames are larger for it.
func frames(replicas int) recipe.FrameLimits {
	if replicas <= 1 {
		return recipe.FrameLimits{}
	}
	return recipe.FrameLimits{Records: 2 * recipe.FrameRecords, Bytes: 2 * recipe.FrameBytes}
}
