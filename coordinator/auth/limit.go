package auth

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"sluice/coordinator"
)

// Defaults of a limiter.
const (
	DefaultEntries = 10_000 // buckets, of about 250 bytes
)

// LimiterConfig says how often each may.
type LimiterConfig struct {
	Rate    float64 // a second; above 0
	Burst   int     // at once; at least 1
	Entries int     // buckets that are kept; 0 is DefaultEntries
	Now     func() time.Time
}

// Limiter has a bucket of tokens for each who asks. It forgets who has not asked for longest:
// so its memory is bounded, and who was forgotten has a full bucket again. All methods may be
// called from any goroutine.
type Limiter struct {
	cfg LimiterConfig

	mu      sync.Mutex
	buckets map[string]*list.Element // guarded by mu
	recent  *list.List               // of *bucket, the latest first; guarded by mu
}

type bucket struct {
	who    string
	tokens *rate.Limiter
}

// NewLimiter returns a limiter; a rate or burst that is not above 0 lets nobody through.
func NewLimiter(c LimiterConfig) *Limiter {
	if c.Entries <= 0 {
		c.Entries = DefaultEntries
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Limiter{cfg: c, buckets: map[string]*list.Element{}, recent: list.New()}
}

// Allow takes a token of somebody's bucket. Where there is none it says after how long there
// will be.
func (l *Limiter) Allow(who string) (ok bool, after time.Duration) {
	now := l.cfg.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	tokens := l.bucket(who)
	r := tokens.ReserveN(now, 1)
	if !r.OK() {
		return false, time.Minute
	}
	if after = r.DelayFrom(now); after > 0 {
		r.CancelAt(now)
		return false, after
	}
	return true, 0
}

// bucket finds or makes a bucket; l.mu is held.
func (l *Limiter) bucket(who string) *rate.Limiter {
	if e := l.buckets[who]; e != nil {
		l.recent.MoveToFront(e)
		return e.Value.(*bucket).tokens
	}
	if l.recent.Len() >= l.cfg.Entries {
		last := l.recent.Back()
		delete(l.buckets, last.Value.(*bucket).who)
		l.recent.Remove(last)
	}
	b := &bucket{who, rate.NewLimiter(rate.Limit(l.cfg.Rate), l.cfg.Burst)}
	l.buckets[who] = l.recent.PushFront(b)
	return b.tokens
}

// Size is the number of buckets that are kept.
func (l *Limiter) Size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.recent.Len()
}

// ByAddress is whose bucket a request of an address takes from: HOST:PORT, or a host alone. One
// network of IPv6 is one, since whoever has an address there has 2^64.
func ByAddress(remote string) string {
	a, err := netip.ParseAddr(remote)
	if ap, perr := netip.ParseAddrPort(remote); perr == nil {
		a, err = ap.Addr(), nil
	}
	if err != nil {
		return "?"
	}
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if net, err := a.Prefix(64); err == nil {
			return net.String()
		}
	}
	return a.String()
}

// ByPrincipal is whose bucket a request of a principal takes from. All keys of one name share it.
func ByPrincipal(p coordinator.Principal) string { return p.Project + "/" + p.Name }
