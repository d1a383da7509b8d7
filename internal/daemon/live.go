package daemon

import (
	"context"
	"net/http"
	"slices"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/auth"
	"sluice/coordinator/events/live"
)

// Rates at which addresses and users may ask, a second and at once, unless the settings say
// otherwise: a script that asks in a loop is well within them.
const (
	addressRate, addressBurst = 500, 2000
	userRate, userBurst       = 200, 1000
	socketRate, socketBurst   = 1, 30 // sockets that a user opens
	messageRate, messageBurst = 20, 100
)

func limiter(rate float64, burst int) *auth.Limiter {
	return auth.NewLimiter(auth.LimiterConfig{Rate: rate, Burst: burst})
}

// asked is the limiter of requests: the usual one, one of another rate, or none.
func asked(rate, usual, burst int) *auth.Limiter {
	switch {
	case rate < 0:
		return nil
	case rate > 0:
		return limiter(float64(rate), max(burst, rate))
	}
	return limiter(float64(usual), burst)
}

// live makes the handler of sockets.
func (c *Coordinator) live() (*live.Handler, error) {
	return live.New(live.Config{Source: c.source, Tickets: c.auth, PerAddress: limiter(addressRate, addressBurst), PerUser: limiter(socketRate, socketBurst),
		Messages: limiter(messageRate, messageBurst), Audit: refusals{c}, Origins: c.cfg.Origins, AllowPlain: c.cfg.AllowPlain, Log: c.log})
}

func (c *Coordinator) source(project string) live.Source {
	i := slices.IndexFunc(c.rooms, func(r *rooms) bool { return r.name == project })
	if i < 0 {
		return nil
	}
	return c.rooms[i].Events
}

// refusals writes what sockets were refused to the audit log of the user's project, or to the
// first where nobody is known.
type refusals struct{ c *Coordinator }

// auditWithin bounds the writing of an entry.
const auditWithin = time.Second

// Refused implements live.Audit.
func (r refusals) Refused(no live.Refusal) {
	ctx, cancel := context.WithTimeout(context.Background(), auditWithin)
	defer cancel()
	r.c.audit(ctx, no.Project, no.Entry())
}

// audit writes an entry to the log of a project, or to the first's where there is no such.
func (c *Coordinator) audit(ctx context.Context, project string, e coordinator.AuditEntry) {
	at := max(0, slices.IndexFunc(c.rooms, func(r *rooms) bool { return r.name == project }))
	if err := c.rooms[at].Audit.Write(ctx, e); err != nil {
		c.log.Warn("an entry of the audit log was lost", "err", err)
	}
}

// Crowded writes down that a connection was one too many. It is what Serving.Crowded is for, and
// waits for nothing: where the audit log has no room, the entry is lost, and counted.
func (c *Coordinator) Crowded(address string, r *http.Request) {
	e := coordinator.AuditEntry{At: time.Now().UTC(), Address: address, Operation: "any", Outcome: coordinator.Denied, Reason: "as many connections as there may be, in all or from this address"}
	if r != nil {
		e.Origin = r.Header.Get("Origin")
	}
	now, cancel := context.WithCancel(context.Background())
	cancel()
	c.audit(now, "", e)
}
