package audit

import (
	"math"
	"sync"
	"time"

	"sluice/coordinator"
)

// Nobody pushes out what others did by what is refused, or fails: it is summed up, and has a share
// of the log's bytes, that of all who name nobody together, and that of each user. What a user may do, and
// did, has an entry each time, but for viewers: they change nothing.
const (
	entryRoom = 1 << 10 // bytes that such an entry has at most, more or less
	nowShare  = 64      // one in so many of the log's bytes is a share at once;
	leastNow  = 8       // entries
	// Within the log's age it is one in so many, of strangers and of a user.
	strangersShare, userShare = 8, 16
	mostUsers                 = 1000 // with shares of their own; those beyond share one
	// Sums at the same time.
	strangersSums, userSums = 256, 32
)

// shares are those of the log's bytes.
type shares struct {
	cfg *Config

	mu        sync.Mutex
	strangers *share            // guarded by mu, as all below
	users     map[string]*share // by name
	others    *share            // of users beyond the bound
}

func newShares(c *Config) *shares {
	s := &shares{cfg: c, users: map[string]*share{}}
	s.strangers, s.others = s.share(strangersShare, strangersSums), s.share(userShare, userSums)
	s.strangers.strange = true
	return s
}

func (s *shares) share(part int64, sums int) *share {
	most := max(leastNow, float64(s.cfg.MaxBytes/entryRoom/nowShare))
	return &share{sums: map[sumKey]*sum{}, mostSum: sums, at: s.cfg.Now(), most: most, left: most, rate: float64(s.cfg.MaxBytes/entryRoom/part) / s.cfg.MaxAge.Seconds()}
}

// take reports whether an entry is to be written; otherwise it is counted.
func (s *shares) take(e *coordinator.AuditEntry, now time.Time) bool {
	who := e.Who
	if who == "" {
		who = e.Key
	}
	known := who != ""
	if e.Outcome == coordinator.AuditLost || known && e.Outcome == coordinator.Allowed && e.Role != coordinator.Viewer {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !known {
		return s.strangers.take(e, now)
	}
	one := s.users[who]
	switch {
	case one == nil && len(s.users) >= mostUsers:
		one = s.others
	case one == nil:
		one = s.share(userShare, userSums)
		s.users[who] = one
	}
	return one.take(e, now)
}

// due returns the entries of sums whose time is over, or of all. Users are forgotten whose shares
// are whole.
func (s *shares) due(now time.Time, all bool) (entries []coordinator.AuditEntry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries = append(s.strangers.due(now, all), s.others.due(now, all)...)
	for who, one := range s.users {
		entries = append(entries, one.due(now, all)...)
		if one.refill(now); len(one.sums) == 0 && one.rest.n == 0 && one.left >= math.Floor(one.most) {
			delete(s.users, who)
		}
	}
	return entries
}
