package bus

import (
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// SetClock gives a connection that was just made another clock of its machine.
func (c *Conn) SetClock(now func() time.Time) { c.clock.now = now }

// Holds returns how many messages of a stream the server itself has stored, which may be fewer
// than its leader says: a replica that is told to be current may still be fetching them.
func (s *Server) Holds(stream string) uint64 {
	all, err := s.ns.Jsz(&server.JSzOptions{Accounts: true, Streams: true})
	if err != nil {
		return 0
	}
	for _, a := range all.AccountDetails {
		for _, st := range a.Streams {
			if st.Name == stream {
				return st.State.Msgs
			}
		}
	}
	return 0
}

// Mislead has a puller ask where nobody answers, and gives it another patience with that.
func (p *Puller) Mislead(patience time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next, p.patience = "nowhere", patience
}
