package bus

import (
	"testing"
	"time"
)

// TestReadings takes the narrower of two readings, a wide one when the narrow one is old, and any
// that the one before can't be true beside.
func TestReadings(t *testing.T) {
	local, server := time.Unix(5000, 0), time.Unix(1000, 0)
	for _, c := range []struct {
		what       string
		after, rtt time.Duration
		jump       time.Duration
		taken      bool
	}{
		{"narrower", time.Second, time.Millisecond, 0, true},
		{"wider", time.Second, 80 * time.Millisecond, 0, false},
		{"wider, of a later hour", time.Hour, 80 * time.Millisecond, 0, true},
		{"wider, and elsewhere", time.Second, 80 * time.Millisecond, time.Minute, true},
		{"wider, and elsewhere below", time.Second, 80 * time.Millisecond, -time.Minute, true},
	} {
		var k clock
		k.observe(local, local.Add(10*time.Millisecond), server)
		before := k.best.Load()
		sent := local.Add(c.after)
		k.observe(sent, sent.Add(c.rtt), server.Add(c.after+c.jump))
		if taken := k.best.Load() != before; taken != c.taken {
			t.Errorf("%s: taken %v, want %v", c.what, taken, c.taken)
		}
	}
}
