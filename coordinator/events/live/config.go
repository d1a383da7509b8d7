package live

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/coordinator"
	"sluice/coordinator/events"
)

// Protocol is the subprotocol that clients ask for, beside one that begins with TicketPrefix
// and ends with the ticket. The server answers with Protocol alone.
const (
	Protocol     = "sluice.v1"
	TicketPrefix = "ticket."
)

// Defaults of [Config].
const (
	DefaultMaxMessage       = 16 << 10
	DefaultMaxSubscriptions = 16
	DefaultMaxSockets       = 2000
	DefaultMaxPerUser       = 20
	DefaultPingEvery        = 20 * time.Second
	DefaultPongWait         = 10 * time.Second
	DefaultReadWait         = 10 * time.Second
	DefaultWriteWait        = 10 * time.Second
)

const (
	redeemWithin = 5 * time.Second // how long a ticket may take to be looked at
	maxTicket    = 1024            // bytes
	maxOrigin    = 256             // bytes of an origin that are told
	defaultLast  = 100             // events that a subscription begins with, unless it says
)

// Tickets says whose a ticket is. Redeem takes it, so that it serves once; its error is a fault
// of the family coordinator.Unnamed where it is not good. Watch returns a channel that is closed
// when the principal is not good any more; stop is called behind the end of the socket.
type Tickets interface {
	Redeem(ctx context.Context, ticket string) (coordinator.Principal, error)
	Watch(p coordinator.Principal) (ended <-chan struct{}, stop func())
}

// Source has the events of one project; an [events.Log] is one.
type Source interface {
	Since(ctx context.Context, f coordinator.EventFilter, id uint64) (*events.Subscription, error)
	Last(ctx context.Context, f coordinator.EventFilter, k int) (*events.Subscription, error)
}

// Limit lets somebody do something, or says after how long to try again. It never waits.
type Limit interface {
	Allow(who string) (ok bool, after time.Duration)
}

// Audit is told of every refusal. It must not wait for long.
type Audit interface{ Refused(Refusal) }

// Refusal is what was refused. It never holds a ticket or what a client sent, but for the
// origin, cut to 256 bytes.
type Refusal struct {
	At      time.Time
	Project string // "" where nobody is known yet, as is User
	User    string
	Key     string // the prefix of the user's key
	Address string // of the client
	Origin  string // of the page, "" where no browser says
	Status  int    // HTTP's before the upgrade, the close code behind it, 0 where the socket goes on
	Reason  string
	Count   int // how many of this sort the entry stands for
}

// Entry is the refusal as a project's audit log has it.
func (r *Refusal) Entry() coordinator.AuditEntry {
	e := coordinator.AuditEntry{At: r.At, Who: r.User, Key: r.Key, Address: r.Address, Origin: r.Origin,
		Operation: "open-events", Outcome: coordinator.Denied, Reason: r.Reason}
	if r.Count > 1 {
		e.Reason = fmt.Sprintf("%s, %d times", r.Reason, r.Count)
	}
	return e
}

// Config says whom to let in, and what they may. All of the first block must be set; zero is
// the default of each bound.
type Config struct {
	Source     func(project string) Source // nil for a project that there is not
	Tickets    Tickets
	PerAddress Limit // requests of an address, before anything else is looked at
	PerUser    Limit // sockets that a user opens
	Messages   Limit // messages of a user
	Audit      Audit

	Origins    []string // SCHEME://HOST[:PORT] of the pages that may; none: no page may
	AllowPlain bool     // without TLS also off loopback; it is logged
	Compress   bool     // messages may be compressed; their bounds hold for what they decompress to

	MaxMessage       int64 // bytes of a client's message
	MaxSubscriptions int   // of a socket
	MaxSockets       int
	MaxPerUser       int           // sockets
	PingEvery        time.Duration // how often a client is asked whether it lives
	PongWait         time.Duration // how long it may take to answer
	ReadWait         time.Duration // from a message's first byte to its last
	WriteWait        time.Duration // how long a client may not take what is sent
	Log              hclog.Logger
}

func (c *Config) check() error {
	switch {
	case c.Source == nil, c.Tickets == nil, c.Audit == nil:
		return errors.New("live events: Source, Tickets and Audit are required")
	case c.PerAddress == nil, c.PerUser == nil, c.Messages == nil:
		return errors.New("live events: the limits PerAddress, PerUser and Messages are required")
	}
	return nil
}

func (c *Config) fill() {
	orElse(&c.MaxMessage, DefaultMaxMessage)
	orElse(&c.MaxSubscriptions, DefaultMaxSubscriptions)
	orElse(&c.MaxSockets, DefaultMaxSockets)
	orElse(&c.MaxPerUser, DefaultMaxPerUser)
	orElse(&c.PingEvery, DefaultPingEvery)
	orElse(&c.PongWait, DefaultPongWait)
	orElse(&c.ReadWait, DefaultReadWait)
	orElse(&c.WriteWait, DefaultWriteWait)
	if c.Log == nil {
		c.Log = hclog.NewNullLogger()
	}
}

// orElse sets a number that is not above 0.
func orElse[T int | int64 | time.Duration](v *T, other T) {
	if *v <= 0 {
		*v = other
	}
}
