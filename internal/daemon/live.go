package daemon

import (
	"context"
	"slices"
	"time"

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
	at := max(0, slices.IndexFunc(r.c.rooms, func(r *rooms) bool { return r.name == no.Project }))
	ctx, cancel := context.WithTimeout(context.Background(), auditWithin)
	defer cancel()
	if err := r.c.rooms[at].Audit.Write(ctx, no.Entry()); err != nil {
		r.c.log.Warn("an entry of the audit log was lost", "err", err)
	}
}
