package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sluice/recipe"
)

// Needs is what is wanted of a server.
type Needs struct {
	Replicas int   // of streams; 0: 1
	System   *Conn // to the server's system account, by which alone its sync mode is told; nil for none
	Sync     *Sync // where it is known without asking: that of an embedded server
}

// Sync is when a server forces to disk what it has acknowledged.
type Sync struct {
	Always bool
	Every  time.Duration // where not always; 0: the server's default, 2 minutes
}

// defaultSync is that of a server which was told nothing.
const defaultSync = 2 * time.Minute

// Level says what a finding means.
type Level string

// The levels of findings.
const (
	Refuse Level = "refuse" // Sluice can't work there
	Warn   Level = "warn"   // it works, and somebody should know
)

// Finding is one thing that is not as it should be.
type Finding struct {
	Level Level  `json:"level"`
	What  string `json:"what"`
	Hint  string `json:"hint"` // what to do about it
	// Server says that it is the server's, and the same for all its accounts.
	Server bool `json:"-"`
}

// Report is what a server will keep, and what was found.
type Report struct {
	URL        string    `json:"url"` // "" for a server inside this process that opens no port
	Version    string    `json:"version"`
	Cluster    string    `json:"cluster,omitempty"` // "" for a server alone
	MaxPayload int64     `json:"max_payload"`       // bytes
	JetStream  bool      `json:"jetstream"`
	Replicas   int       `json:"replicas"`          // that streams can have as wanted; 0 when they can't
	Wanted     int       `json:"wanted"`            // replicas
	Limits     Usage     `json:"limits"`            // of the account
	Sync       string    `json:"sync"`              // in words
	Findings   []Finding `json:"findings"`          // those to refuse first
	Servers    int       `json:"servers,omitempty"` // with JetStream; 0 when that is not known
	Passes     bool      `json:"-"`                 // nobody answered, as while a cluster elects a leader, or a server is away: a later one may find otherwise

	few    bool // so many replicas can't be had
	server bool // what is found now is the server's
}

// Usage is what an account may store, -1 for no bound, and what it stores now.
type Usage struct {
	Store, StoreUsed     int64
	Memory, MemoryUsed   int64
	Streams, StreamsUsed int
	Consumers            int
}

// Bounds of what is accepted.
const (
	oldestServer  = "2.11.0" // messages with a time to live of their own
	testedServer  = "2.15.0"
	leastPayload  = recipe.InlineBytes + 64<<10
	leastStore    = 64 << 20
	littleStore   = 256 << 20
	leastStreams  = 12 // the control plane's and those of one job
	fewStreams    = 200
	leastConsumer = 32
	fewConsumers  = 1000
)

// Refused returns the findings by which Sluice can't work, as one error; nil when there is none.
func (r *Report) Refused() error {
	var all []error
	for _, f := range r.Findings {
		if f.Level == Refuse {
			all = append(all, fmt.Errorf("%s; %s", f.What, f.Hint))
		}
	}
	return errors.Join(all...)
}

// Preflight looks at the connected server: at what it says of itself, at the account's limits,
// and by making a stream as the jobs will have them, which it deletes. It needs the rights of a
// coordinator. An error means that nothing could be found out, a lack is a [Finding].
func (c *Conn) Preflight(ctx context.Context, n Needs) (*Report, error) {
	if !c.nc.IsConnected() {
		return nil, fmt.Errorf("preflight: %w", ErrDisconnected)
	}
	r := &Report{URL: c.address(), Version: c.nc.ConnectedServerVersion(), Cluster: c.nc.ConnectedClusterName(),
		MaxPayload: c.nc.MaxPayload(), Sync: "when it is forced to disk is not known", Findings: []Finding{}}
	n.Replicas = max(1, n.Replicas)
	r.Wanted, r.server = n.Replicas, true
	r.checkServer()
	r.server = false
	if r.checkAccount(ctx, c) {
		r.checkStream(ctx, c, n.Replicas)
	}
	r.server = true
	r.checkSync(ctx, n)
	return r, ctx.Err()
}

// address is where the server is reached: for a connection inside of it where others reach it, "" for
// nowhere.
func (c *Conn) address() string {
	if c.inside != nil {
		return c.inside.URL()
	}
	return c.nc.ConnectedUrlRedacted()
}

func (r *Report) find(l Level, hint, what string, args ...any) {
	f := Finding{Level: l, What: fmt.Sprintf(what, args...), Hint: hint, Server: r.server}
	if l != Refuse {
		r.Findings = append(r.Findings, f)
		return
	}
	at := 0
	for at < len(r.Findings) && r.Findings[at].Level == Refuse {
		at++
	}
	r.Findings = append(r.Findings[:at], append([]Finding{f}, r.Findings[at:]...)...)
}

func (r *Report) checkServer() {
	switch {
	case older(r.Version, oldestServer):
		r.find(Refuse, "install "+testedServer+" or later", "the server has version %s, and Sluice needs %s", r.Version, oldestServer)
	case older(r.Version, testedServer):
		r.find(Warn, "install "+testedServer+" or later", "the server has version %s, which Sluice is not tested with", r.Version)
	}
	switch {
	case r.MaxPayload < leastPayload:
		r.find(Refuse, fmt.Sprintf("set max_payload to %d", DefaultMaxPayload), "messages of %d bytes are too small for frames, which need %d", r.MaxPayload, leastPayload)
	case r.MaxPayload < DefaultMaxPayload:
		r.find(Warn, fmt.Sprintf("set max_payload to %d", DefaultMaxPayload), "messages of %d bytes are too small for the plans of very large recipes", r.MaxPayload)
	}
}

// checkAccount looks at the limits; false says that there is no JetStream.
func (r *Report) checkAccount(ctx context.Context, c *Conn) bool {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var a struct {
		Memory  int64 `json:"memory"`
		Store   int64 `json:"storage"`
		Streams int   `json:"streams"`
		Limits  struct {
			Memory    int64 `json:"max_memory"`
			Store     int64 `json:"max_storage"`
			Streams   int   `json:"max_streams"`
			Consumers int   `json:"max_consumers"`
		} `json:"limits"`
	}
	err := c.api(ctx, "INFO", nil, &a)
	var refused *apiError
	switch {
	case noResponders(err), errors.As(err, &refused) && (refused.ErrCode == codeNoJetStream || refused.ErrCode == codeNoJetStreamHere):
		r.find(Refuse, "turn jetstream on in the server's configuration, and for the account", "JetStream is off")
		return false
	case err != nil:
		r.find(Refuse, "is a majority of the cluster's servers up, and may this user publish to $JS.API.>?", "JetStream does not answer: %v", err)
		r.Passes = errors.Is(err, ErrTimeout)
		return false
	}
	r.JetStream = true
	l := Usage{Store: a.Limits.Store, StoreUsed: a.Store, Memory: a.Limits.Memory, MemoryUsed: a.Memory,
		Streams: orUnbounded(a.Limits.Streams), StreamsUsed: a.Streams, Consumers: orUnbounded(a.Limits.Consumers)}
	r.Limits = l
	r.checkLimit("bytes of file storage", "raise max_file of the account", l.Store, l.StoreUsed, leastStore, littleStore)
	r.checkLimit("bytes of memory storage", "raise max_mem of the account: workers' beats are kept there", l.Memory, l.MemoryUsed, 1<<20, 16<<20)
	r.checkLimit("streams", "raise max_streams of the account: a job has about eight", int64(l.Streams), int64(l.StreamsUsed), leastStreams, fewStreams)
	r.checkLimit("consumers", "raise max_consumers of the account: a job has one for each step, and more", int64(l.Consumers), 0, leastConsumer, fewConsumers)
	if l.Store < 0 {
		r.find(Warn, "set max_file of the account well under what the disk holds", "the account may store files without a bound: jobs can fill the server")
	}
	return true
}

// MaxStore returns how many bytes the account may store in files, -1 for no bound, and how many it
// does. Each server that keeps a stream counts.
func (c *Conn) MaxStore(ctx context.Context) (most, used int64, err error) {
	var a struct {
		Store  int64 `json:"storage"`
		Limits struct {
			Store int64 `json:"max_storage"`
		} `json:"limits"`
	}
	if err := c.api(ctx, "INFO", nil, &a); err != nil {
		return 0, 0, fmt.Errorf("limits of the account: %w", err)
	}
	return a.Limits.Store, a.Store, nil
}

// orUnbounded reads a number of things, where the server says 0 for no bound, too.
func orUnbounded(n int) int {
	if n == 0 {
		return unlimited
	}
	return n
}

func (r *Report) checkLimit(what, hint string, limit, used, least, few int64) {
	left := limit - used
	switch {
	case limit < 0:
	case limit < least:
		r.find(Refuse, hint, "the account has %d %s, and Sluice needs %d", limit, what, least)
	case left < least:
		r.find(Refuse, hint+", or delete what is not needed", "of the account's %d %s %d are left, and Sluice needs %d", limit, what, left, least)
	case left < few:
		r.find(Warn, hint, "of the account's %d %s %d are left, which is little", limit, what, left)
	}
}

// unheard reports whether there are members of the cluster that the server has not heard of since it
// began, by what it says where it refuses replicas: those come, or are away.
func unheard(why string) bool {
	return strings.Contains(why, "peer offline") || strings.Contains(why, "miscellaneous issue")
}

// checkStream makes a stream as jobs have them, stores and reads something, and deletes it.
func (r *Report) checkStream(ctx context.Context, c *Conn, replicas int) {
	ctx, cancel := context.WithTimeout(ctx, 2*dialTimeout)
	defer cancel()
	inbox := c.nc.NewInbox()
	id := inbox[strings.LastIndexByte(inbox, '.')+1:]
	s := StreamConfig{Name: "SLUICE_PREFLIGHT_" + id, Subjects: []string{"sluice.preflight." + id}, MaxMsgsPerSubject: 1, DiscardNew: true,
		AllowDirect: true, AllowTTL: true, Replicas: replicas}
	err := c.EnsureStream(ctx, s)
	defer func() { _ = c.DeleteStream(context.WithoutCancel(ctx), s.Name) }()
	var refused *apiError
	switch {
	case errors.As(err, &refused) && (refused.ErrCode == codeNoReplicas || refused.ErrCode == codeNoPeers):
		r.few, r.Passes = true, unheard(refused.Text)
		r.find(Refuse, fmt.Sprintf("join %d servers with JetStream in a cluster, or ask for fewer replicas", replicas), "streams can't have %d replicas here: %s", replicas, refused.Text)
		return
	case errors.As(err, &refused) && refused.ErrCode == codeMaxStreams:
		r.find(Refuse, "raise max_streams of the account, or delete what is not needed", "the account has all the streams that it may have")
		return
	case errors.Is(err, ErrTimeout):
		r.find(Refuse, "connect with a coordinator's credentials; are enough servers of the cluster up?", "nobody answers who is asked for a stream")
		r.Passes = true
		return
	case err != nil:
		r.find(Refuse, "ask who runs the server", "no stream can be made: %v", err)
		return
	}
	r.Replicas = replicas
	if r.Cluster != "" && replicas == 1 {
		r.find(Warn, "ask for 3 replicas", "in cluster %s, streams with one replica stand still while their one server is away", r.Cluster)
	}
	pub, err := c.NewPublisher()
	if err == nil {
		defer pub.Close()
		err = whenHeard(ctx, func() error { return pub.PutSync(ctx, Put{Subject: s.Subjects[0], Data: []byte("preflight")}).Err })
	}
	if err == nil {
		err = whenHeard(ctx, func() error { _, err := c.Last(ctx, s.Name, s.Subjects[0]); return err })
	}
	if err != nil {
		r.find(Refuse, "look at the server's log", "a stream was made, and does not keep what it is given: %v", err)
		r.Passes = errors.Is(err, ErrTimeout) || errors.Is(err, ErrNoStream)
	}
}

// whenHeard repeats what finds no stream or no message, until ctx ends: the other servers of a
// cluster hear a moment later of a stream that one has made, and of what is in it.
func whenHeard(ctx context.Context, do func() error) error {
	for {
		err := do()
		if !errors.Is(err, ErrNoStream) && !errors.Is(err, ErrNotFound) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(reconnectWait):
		}
	}
}

// older reports whether a version is below another one; one that does not read as such is.
func older(v, than string) bool {
	var a, b [3]int
	if n, _ := fmt.Sscanf(v, "%d.%d.%d", &a[0], &a[1], &a[2]); n < 2 {
		return true
	}
	_, _ = fmt.Sscanf(than, "%d.%d.%d", &b[0], &b[1], &b[2])
	return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]), cmp.Compare(a[2], b[2])) < 0
}

// Ready waits until JetStream answers in this account: in a cluster that starts, that takes
// until a majority of its servers are up. ErrTimeout says that it did not before ctx ended.
func (c *Conn) Ready(ctx context.Context) error {
	for {
		try, cancel := context.WithTimeout(ctx, dialTimeout)
		err := c.api(try, "INFO", nil, nil)
		cancel()
		if err == nil || errors.Is(err, ErrClosed) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("JetStream is not ready: %w: %w", ErrTimeout, err)
		case <-time.After(pullRetry):
		}
	}
}
