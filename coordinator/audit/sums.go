package audit

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"sluice/coordinator"
)

// Of each address, operation and reason the first in a minute has an entry, and the rest of that
// minute another. A user, whose first refusals tell most, has an entry for each while the share is nearly
// whole. What is beyond the share has one entry in an hour.
const (
	sumFor    = time.Minute
	restFor   = time.Hour
	eachShare = 4 // one in so many of a user's entries is for itself
)

// share is how much of the log somebody may fill with what is summed up. Who calls its methods
// holds the lock.
type share struct {
	strange bool      // it is of those who named nobody
	left    float64   // entries that may be written now
	at      time.Time // when left was so many
	sums    map[sumKey]*sum
	mostSum int // at the same time
	rest    sum
	most    float64 // of left
	rate    float64 // entries a second
}

type sumKey struct {
	key, address, operation, origin, reason string
	outcome                                 coordinator.Outcome
}

type sum struct {
	last  coordinator.AuditEntry
	n     int // beside those that have an entry
	since time.Time
}

// take reports whether an entry is to be written; otherwise it is counted.
func (s *share) take(e *coordinator.AuditEntry, now time.Time) bool {
	s.refill(now)
	key := sumKey{e.Key, network(e.Address), e.Operation, e.Origin, e.Reason, e.Outcome}
	if known := s.sums[key]; known != nil {
		if !s.strange && s.left > s.most-s.most/eachShare {
			s.left--
			return true
		}
		known.last = *e
		known.n++
		return false
	}
	if len(s.sums) < s.mostSum && s.spend() {
		s.sums[key] = &sum{since: now}
		return true
	}
	s.over(e, 1, now)
	return false
}

// over counts what has no entry of its own.
func (s *share) over(e *coordinator.AuditEntry, n int, now time.Time) {
	if s.rest.n == 0 {
		s.rest.since = now
	}
	s.rest.last = *e
	s.rest.n += n
}

func (s *share) refill(now time.Time) {
	if d := now.Sub(s.at); d > 0 {
		s.left, s.at = min(s.most, s.left+d.Seconds()*s.rate), now
	}
}

func (s *share) spend() bool {
	if s.left < 1 {
		return false
	}
	s.left--
	return true
}

// due returns the entries of sums whose time is over, or of all.
func (s *share) due(now time.Time, all bool) (entries []coordinator.AuditEntry) {
	s.refill(now)
	for key, one := range s.sums {
		if !all && now.Sub(one.since) < sumFor {
			continue
		}
		delete(s.sums, key)
		switch {
		case one.n == 0:
		case s.spend():
			e := one.last
			e.Reason = fmt.Sprintf("%s, %d times more since %s", e.Reason, one.n, one.since.UTC().Format(time.RFC3339))
			entries = append(entries, e)
		default:
			s.over(&one.last, one.n, now)
		}
	}
	if s.rest.n > 0 && (all || now.Sub(s.rest.since) >= restFor) {
		e, whose := s.rest.last, "are summed up"
		if s.strange {
			whose = "named nobody"
		}
		e.Reason = fmt.Sprintf("%s; it is the last of %d since %s that %s and have no other entry", e.Reason, s.rest.n, s.rest.since.UTC().Format(time.RFC3339), whose)
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
		for _, e := range l.shares.due(l.cfg.Now(), over) {
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
