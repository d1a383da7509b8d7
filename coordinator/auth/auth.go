package auth

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/coordinator"
	"sluice/coordinator/store"
)

// What "revoked within 5 s everywhere" is made of. A coordinator that is cut off from the
// store proves nothing any more: after staleAfter it refuses all keys, and within lookEvery and
// confirmFor more it has ended the sessions of their holders.
const (
	proveEvery   = time.Second
	proveFor     = 2 * time.Second // how long one proof may take
	staleAfter   = 3 * time.Second // since the asking of the last one that was answered
	lookEvery    = 500 * time.Millisecond
	confirmFor   = 500 * time.Millisecond // how long a request waits for a proof
	confirmEvery = 100 * time.Millisecond // between two such waits, where the first was in vain
	doubtEvery   = 10 * time.Second       // between two words of a store that does not answer, twice as long each time
	doubtMost    = 10 * time.Minute
	noteEvery    = 10 * time.Second
	noteFor      = 30 * time.Second // how long writing down the uses may take
)

var (
	errUnnamed = coordinator.Faultf(coordinator.Unnamed, "the token is not one that is known here")
	errStale   = coordinator.Faultf(coordinator.Unavailable, "keys can't be checked now: the store (NATS) has not answered for %v", staleAfter)
)

// Project is one project, with its control plane.
type Project struct {
	Name    string
	Control *store.Control
}

// Config says whom to know.
type Config struct {
	Projects []Project // at least one; each name once
	OIDC     *OIDC     // an identity provider; nil for none
	Now      func() time.Time
	Log      hclog.Logger
}

// Auth tells who asks. All methods may be called from any goroutine.
type Auth struct {
	cfg     Config
	log     hclog.Logger
	desks   map[string]*desk // by project
	order   []*desk
	tokens  *verifier // nil without an identity provider
	mu      sync.Mutex
	watches map[*watch]struct{} // guarded by mu
	doubted time.Time           // when it was last said that keys can't be confirmed; proveAll's own, as doubt
	doubt   time.Duration       // for how long that is not said again
}

// desk is what auth keeps of one project.
type desk struct {
	keys    *Keys
	tickets store.Table[ticketRecord]
}

// New adds its views to the projects' control planes; it is called before they follow.
func New(c Config) (*Auth, error) {
	if len(c.Projects) == 0 {
		return nil, fmt.Errorf("auth: at least one project is needed")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = hclog.NewNullLogger()
	}
	a := &Auth{cfg: c, log: c.Log, desks: map[string]*desk{}, watches: map[*watch]struct{}{}}
	for _, p := range c.Projects {
		if p.Name == "" || p.Control == nil || a.desks[p.Name] != nil {
			return nil, fmt.Errorf("auth: project %q: a name of its own and a control plane are needed", p.Name)
		}
		d := &desk{keys: newKeys(p, c.Now), tickets: store.NewTable[ticketRecord](p.Control, "ticket")}
		a.desks[p.Name] = d
		a.order = append(a.order, d)
	}
	if c.OIDC != nil {
		v, err := newVerifier(*c.OIDC, c.Now, c.Log)
		if err != nil {
			return nil, err
		}
		a.tokens = v
	}
	return a, nil
}

// Keys returns the keys of a project.
func (a *Auth) Keys(project string) (*Keys, error) {
	d := a.desks[project]
	if d == nil {
		return nil, coordinator.Faultf(coordinator.Unknown, "no such project: %.80q", project)
	}
	return d.keys, nil
}

// Check tells whose token it is, that of a key or of the identity provider. It answers from
// memory while [Auth.Run] runs and the store answers that. Where it does not, a key waits half
// a second for the store; and the first token that was signed by a new key of the provider waits
// for that key, for a few seconds at most. The faults are coordinator.Unnamed, and
// coordinator.Unavailable where it can't be told now.
func (a *Auth) Check(ctx context.Context, token string) (coordinator.Principal, error) {
	switch {
	case token == "":
		return coordinator.Principal{}, coordinator.Faultf(coordinator.Unnamed, "a token is needed: an API key, as Authorization: Bearer slu_…")
	case len(token) > longestToken:
		return coordinator.Principal{}, errUnnamed
	}
	prefix, digest, ok := parseToken(token)
	if !ok {
		if a.tokens == nil || !looksSigned(token) {
			return coordinator.Principal{}, errUnnamed
		}
		p, err := a.tokens.check(ctx, token)
		if err == nil && a.desks[p.Project] == nil {
			err = coordinator.Faultf(coordinator.Unnamed, "the token is for project %.80q, which is not one of this cluster", p.Project)
		}
		if err != nil {
			return coordinator.Principal{}, err
		}
		return p, nil
	}
	p, err := a.checkKey(prefix, digest)
	if err != error(errStale) {
		return p, err
	}
	a.confirm(ctx, a.order...)
	return a.checkKey(prefix, digest)
}

// checkKey looks the key of a token up in what is known here.
func (a *Auth) checkKey(prefix string, digest [sha256.Size]byte) (coordinator.Principal, error) {
	var last error = errUnnamed
	for _, d := range a.order {
		key, found, err := d.keys.check(prefix, digest)
		switch {
		case found && err == nil:
			return principal(&key), nil
		case found && err != error(errUnnamed):
			last = err
		case !found && !d.keys.fresh(): // it may have been made meanwhile
			last = errStale
		}
	}
	return coordinator.Principal{}, last
}

// confirm has the keys of some projects confirmed, where they are out of date.
func (a *Auth) confirm(ctx context.Context, desks ...*desk) {
	var all sync.WaitGroup
	for _, d := range desks {
		all.Go(func() { d.keys.confirm(ctx) })
	}
	all.Wait()
}

func principal(k *coordinator.Key) coordinator.Principal {
	return coordinator.Principal{Name: k.Name, Project: k.Project, Role: k.Role, Scopes: k.Scopes, Key: k.Prefix, Expires: k.Expires}
}

// good reports whether a principal is still who it was.
func (a *Auth) good(p *coordinator.Principal) bool {
	if !p.Expires.IsZero() && !a.cfg.Now().Before(p.Expires) {
		return false
	}
	d := a.desks[p.Project]
	return d != nil && (p.Key == "" || d.keys.good(p.Key))
}

// Confirm asks the stores of all projects whether the keys are as they are known here, for 2 s
// at most: what a coordinator that is ready can do. The first project that does not answer is
// named in the error; the others' keys are good.
func (a *Auth) Confirm(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, proveFor)
	defer cancel()
	errs := make(chan error, len(a.order))
	for _, d := range a.order {
		go func() {
			err := d.keys.prove(ctx)
			if err != nil {
				err = fmt.Errorf("project %s: %w", d.keys.project, err)
			}
			errs <- err
		}()
	}
	var first error
	for range a.order {
		if err := <-errs; first == nil {
			first = err
		}
	}
	return first
}

// Run keeps what is known of the keys up to date, ends the watches of those who may not go on,
// and writes down which keys were used, until ctx ends.
func (a *Auth) Run(ctx context.Context) error {
	done := make(chan struct{}, 3)
	for every, do := range map[time.Duration]func(context.Context){
		proveEvery: a.proveAll,
		lookEvery:  a.look,
		noteEvery:  a.noteAll,
	} {
		go func() {
			defer func() { done <- struct{}{} }()
			tick := time.NewTicker(every)
			defer tick.Stop()
			for do(ctx); ctx.Err() == nil; {
				select {
				case <-ctx.Done():
				case <-tick.C:
					do(ctx)
				}
			}
		}()
	}
	for range cap(done) {
		<-done
	}
	return nil
}

func (a *Auth) proveAll(ctx context.Context) {
	err := a.Confirm(ctx)
	if ctx.Err() != nil {
		return
	}
	switch now := a.cfg.Now(); {
	case err == nil && !a.doubted.IsZero():
		a.log.Info("keys are confirmed again")
		a.doubted, a.doubt = time.Time{}, 0
	case err != nil && now.Sub(a.doubted) >= a.doubt:
		a.log.Warn("keys can't be confirmed; they are refused when that lasts", "after", staleAfter, "err", err)
		a.doubted, a.doubt = now, min(max(2*a.doubt, doubtEvery), doubtMost)
	}
}

func (a *Auth) noteAll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, noteFor)
	defer cancel()
	for _, d := range a.order {
		if err := d.keys.note(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("the use of keys was not written down", "project", d.keys.project, "err", err)
		}
	}
}
