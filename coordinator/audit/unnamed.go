package audit

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"sluice/coordinator"
)

// Who names nobody can ask as often as the network lets them: what they are refused is summed
// up, so that it never pushes out entries of those who are known. Of each address, operation and
// reason the first in a minute has an entry, and the rest of that minute another; all of these have a
// share of the log's bytes within its age. What is beyond that has one entry in an hour.
const (
	sumFor    = time.Minute
	restFor   = time.Hour
	mostSums  = 256     // at the same time
	entryRoom = 1 << 10 // bytes that such an entry has at most, more or less
	ageShare  = 8       // one in so many of the log's bytes is theirs within its age,
	nowShare  = 64      // and one in so many at once
	leastNow  = 8       // entries
)

// strangers are those who named nobody.
type strangers struct {
	mu   sync.Mutex
	left float64   // entries that may be written now; guarded by mu, as all below
	at   time.Time // when left was so many
	sums map[sumKey]*sum
	rest sum
	most float64 // of left
	rate float64 // entries a second
}

type sumKey struct{ address, operation, origin, reason string }

type sum struct {
	last  coordinator.AuditEntry
	n     int // beside those that have an entry
	since time.Time
}

func newStrangers(c *Config) *strangers {
	s := &strangers{sums: map[sumKey]*sum{}, at: c.Now()}
	s.most = max(leastNow, float64(c.MaxBytes/entryRoom/nowShare))
	s.rate = float64(c.MaxBytes/entryRoom/ageShare) / c.MaxAge.Seconds()
	s.left = s.most
	return s
}

// take reports whether an entry is to be written; otherwise it is counted.
func (s *strangers) take(e *coordinator.AuditEntry, now time.Time) bool {
	if e.Who != "" || e.Key != "" || e.Outcome == coordinator.AuditLost {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := sumKey{network(e.Address), e.Operation, e.Origin, e.Reason}
	if known := s.sums[key]; known != nil {
		known.last = *e
		known.n++
		return false
	}
	if len(s.sums) < mostSums && s.spend(now) {
		s.sums[key] = &sum{since: now}
		return true
	}
	s.over(e, 1, now)
	return false
}

// over counts what has no entry of its own.
func (s *strangers) over(e *coordinator.AuditEntry, n int, now time.Time) {
	if s.rest.n == 0 {
		s.rest.since = now
	}
	s.rest.last = *e
	s.rest.n += n
}

func (s *strangers) spend(now time.Time) bool {
	if d := now.Sub(s.at); d > 0 {
		s.left, s.at = min(s.most, s.left+d.Seconds()*s.rate), now
	}
	if s.left < 1 {
		return false
	}
	s.left--
	return true
}

// due returns the entries of sums whose time is over, or of all.
func (s *strangers) due(now time.Time, all bool) (entries []coordinator.AuditEntry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, one := range s.sums {
		if !all && now.Sub(one.since) < sumFor {
			continue
		}
		delete(s.sums, key)
		switch {
		case one.n == 0:
		case s.spend(now):
			e := one.last
			e.Reason = fmt.Sprintf("%s, %d times more since %s", e.Reason, one.n, one.since.UTC().Format(time.RFC3339))
			entries = append(entries, e)
		default:
			s.over(&one.last, one.n, now)
		}
	}
	if s.rest.n > 0 && (all || now.Sub(s.rest.since) >= restFor) {
		e := s.rest.last
		e.Reason = fmt.Sprintf("%s; it is the last of %d since %s that named nobody and have no other entry", e.Reason, s.rest.n, s.rest.since.UTC().Format(time.RFC3339))
		entries, s.rest = append(entries, e), sum{}
	}
	return entries
}

// network is the address without its port, of IPv6 the first half: that of one customer.
func network(address string) string {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		at = netip.AddrPortFrom(netip.Addr{}, 0)
		if ip, err := netip.ParseAddr(address); err == nil {
			at = netip.AddrPortFrom(ip, 0)
		}
	}
	ip := at.Addr().Unmap().WithZone("")
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.String()
		}
	}
	return ip.String()
}

// sum writes sums when their time is over, and all of them when ctx ends.
func (l *Log) sum(ctx context.Context) {
	tick := time.NewTicker(sumFor / 4)
	defer tick.Stop()
	for {
		over := false
		select {
		case <-tick.C:
		case <-ctx.Done():
			over = true
		}
		for _, e := range l.strangers.due(l.cfg.Now(), over) {
			select {
			case l.wait <- e:
			default:
				l.lose(&e)
			}
		}
		if over {
			return
		}
	}
}
