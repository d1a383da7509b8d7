package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/cmd/sluice/settings"
	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/internal/bus/natsconf"
	"sluice/internal/daemon"
)

// dial connects to the servers of the settings in a role; seed is a file with its NKey, "" for
// what the settings say.
func dial(n settings.NATS, role natsconf.Role, seed string, log hclog.Logger) (*bus.Conn, error) {
	opts := []bus.Option{bus.As(role), bus.TLS(bus.TLSFiles{CA: n.TLSCA, Cert: n.TLSCert, Key: n.TLSKey}), bus.Log(log.Named("conn"))}
	switch {
	case strings.HasSuffix(seed, ".creds"):
		opts = append(opts, bus.Credentials(seed))
	case seed != "":
		opts = append(opts, bus.SeedFile(seed))
	default:
		opts = append(opts, bus.Credentials(n.NATSCreds), bus.SeedFile(n.NATSNkey))
	}
	conn, err := bus.Dial(strings.Join(n.URLs, ","), "sluice "+string(role), opts...)
	switch {
	case errors.As(err, new(bus.OptionError)):
		return nil, usagef("%w", err)
	case err != nil:
		return nil, exitError{codeUnavailable, dialHint(err, role)}
	}
	return conn, nil
}

// dialHint adds to why no server let a service in what its user can do about it.
func dialHint(err error, role natsconf.Role) error {
	switch {
	case errors.Is(err, bus.ErrUnauthorized) && role == natsconf.Worker:
		return fmt.Errorf("%w\n  hint: --nats-nkey names the project's worker.nk, or --nats-creds its credentials", err)
	case errors.Is(err, bus.ErrUnauthorized):
		return fmt.Errorf("%w\n  hint: --projects NAME=FOLDER names the project's folder of sluice nats setup; --nats-nkey or --nats-creds a key", err)
	case errors.Is(err, bus.ErrNotNATS):
		return fmt.Errorf("%w\n  hint: --nats wants the port of the NATS server, usually 4222; that of a coordinator's API, usually 8420, is another", err)
	case errors.Is(err, bus.ErrNoServer):
		return fmt.Errorf("%w\n  hint: is nats-server running there? sluice nats setup writes its configuration; --nats names another address", err)
	}
	return err
}

// dialProjects connects to the accounts of all projects. A project's file may be a folder that
// sluice nats setup has made: then its control plane has an account of its own.
func dialProjects(n settings.NATS, projects []settings.Project, log hclog.Logger) (all []daemon.Project, closeAll func(), err error) {
	closeAll = func() {
		for _, p := range all {
			p.Conn.Close()
			if p.Control != nil {
				p.Control.Close()
			}
		}
	}
	if len(projects) == 0 {
		projects = []settings.Project{{Name: defaultProject}}
	}
	for _, s := range projects {
		p := daemon.Project{Name: s.Name}
		jobs, control := s.Files()
		if p.Conn, err = dial(n, natsconf.Coordinator, jobs, log); err != nil {
			closeAll()
			return nil, nil, ofProject(s, err)
		}
		all = append(all, p)
		if control == "" {
			continue
		}
		if all[len(all)-1].Control, err = dial(n, natsconf.Control, control, log); err != nil {
			closeAll()
			return nil, nil, ofProject(s, err)
		}
	}
	return all, closeAll, nil
}

// ofProject says which project's file is wrong where a file is, which was seen before a server was asked.
func ofProject(p settings.Project, err error) error {
	if p.Creds == "" || !errors.As(err, new(bus.OptionError)) {
		return err
	}
	return usagef("--projects %v: %w\n  hint: it names the project's folder that sluice nats setup has made, or a file with credentials", p, err)
}

// preflights looks at the server as each project sees it.
func preflights(ctx context.Context, projects []daemon.Project, needs bus.Needs, log hclog.Logger) error {
	for i, p := range projects {
		if err := preflight(ctx, p.Conn, needs, i > 0, log.With("project", p.Name)); err != nil {
			return fmt.Errorf("project %s: %w", p.Name, err)
		}
	}
	return nil
}

// preflight says what the server will keep, warns, and refuses one on which nothing would work.
// It waits for one that can't answer now. What is the server's is not told again.
func preflight(ctx context.Context, conn *bus.Conn, n bus.Needs, again bool, log hclog.Logger) error {
	return patiently(ctx, log, func() error { return look(ctx, conn, n, again, log) })
}

func look(ctx context.Context, conn *bus.Conn, n bus.Needs, again bool, log hclog.Logger) error {
	report, err := conn.Preflight(ctx, n)
	if err != nil {
		return err
	}
	refused := report.Refused()
	if refused != nil && report.Passes { // nothing is known yet
		return fmt.Errorf("%w: %w", bus.ErrTimeout, refused)
	}
	log.Info("NATS server", report.Fields()...)
	for _, f := range report.Findings {
		if f.Level == bus.Warn && n.Sync == nil && !(again && f.Server) { // what to do about it is for a server of its own, not for that of up
			log.Warn(f.What, "hint", f.Hint)
		}
	}
	return refused
}

// A cluster that elects a leader answers nobody for seconds.
const (
	startWithin = 2 * time.Minute
	startAgain  = time.Second
)

// patiently does what a start needs of the servers, again while they can't answer now: who is
// started while a server is restarted need not be started again.
func patiently(ctx context.Context, log hclog.Logger, do func() error) error {
	limit, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	for {
		err := do()
		if err == nil || !errors.Is(err, bus.ErrTimeout) && !errors.Is(err, bus.ErrNoStream) && coordinator.FamilyOf(err) != coordinator.Unavailable {
			return err
		}
		select {
		case <-limit.Done():
			return err
		case <-time.After(startAgain):
			log.Warn("the servers can't answer now; the start is tried again", "err", err)
		}
	}
}
