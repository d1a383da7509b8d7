package bus

import (
	"bytes"
	"context"
	"sync/atomic"
	"time"
)

// Bounds of what is known of the server's clock.
const (
	clockEvery = time.Minute     // between two questions, and between two warnings
	clockSkew  = 2 * time.Second // between the machines' clocks, before it is warned of
	clockDrift = 5000            // two clocks drift apart by less than one part of so many
)

// clock is the server's clock, as its answers tell it: ages of what it has stored are by that one,
// whatever the machine's own clock says. Its zero value is the machine's clock.
type clock struct {
	now    func() time.Time // the machine's; nil: time.Now
	best   atomic.Pointer[reading]
	warned atomic.Int64 // when, in nanoseconds
}

// reading is the time at the server at a moment of the machine's clock, and how wrong it may be.
type reading struct {
	at, server time.Time
	within     time.Duration
}

func (k *clock) local() time.Time {
	if k.now != nil {
		return k.now()
	}
	return time.Now()
}

// then is the server's time at a moment of the machine's clock.
func (r *reading) then(local time.Time) time.Time { return r.server.Add(local.Sub(r.at)) }

// observe takes the server's time in an answer to a question, which was sent and answered at moments
// of the machine's clock. It returns how far that one is ahead, and how wrong this may be.
func (k *clock) observe(sent, got, server time.Time) (ahead, within time.Duration) {
	within = got.Sub(sent)/2 + time.Microsecond
	r := &reading{at: sent.Add(got.Sub(sent) / 2), server: server, within: within}
	if old := k.best.Load(); old == nil || r.betters(old) {
		k.best.Store(r)
	}
	return r.at.Round(0).Sub(server), within
}

// betters reports whether a reading is worth more than one before it: it is not much wider than that
// one has become since, or they can't both be true, as when a clock was set.
func (r *reading) betters(old *reading) bool {
	become := old.within + r.at.Sub(old.at)/clockDrift
	return r.within <= become || r.server.Sub(old.then(r.at)).Abs() > r.within+become
}

// Age returns how long ago the server's time was that, by the server's clock as far as one of its
// answers has told it; before, by the machine's. It is meant for the times of stored messages.
func (c *Conn) Age(stored time.Time) time.Duration {
	now := c.clock.local()
	if r := c.clock.best.Load(); r != nil {
		now = r.then(now)
	}
	return now.Sub(stored)
}

// answered takes the time that an answer about a stream tells, and warns, once a minute, where the
// machine's clock is far from it.
func (c *Conn) answered(sent time.Time, data []byte) {
	const key = `"ts":"`
	i := bytes.LastIndex(data, []byte(key))
	if i < 0 {
		return
	}
	text, _, _ := bytes.Cut(data[i+len(key):], []byte(`"`))
	server, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return
	}
	got := c.clock.local()
	ahead, within := c.clock.observe(sent, got, server)
	last := c.clock.warned.Load()
	if ahead.Abs() <= clockSkew+within || last != 0 && got.UnixNano()-last < int64(clockEvery) || !c.clock.warned.CompareAndSwap(last, got.UnixNano()) {
		return
	}
	where := "ahead of"
	if ahead < 0 {
		where = "behind"
	}
	c.log.Warn("this machine's clock is "+where+" the server's", "by", ahead.Abs().Round(time.Millisecond), "hint", "have both machines' clocks set by NTP")
}

// KeepTime asks the server for its time, by a stream, at once and every minute until ctx ends: then
// [Conn.Age] is by its clock, and who runs the machine is warned of one that is wrong.
func (c *Conn) KeepTime(ctx context.Context, stream string) {
	tick := time.NewTicker(clockEvery)
	defer tick.Stop()
	for {
		if _, err := c.StreamState(ctx, stream); err != nil && ctx.Err() == nil {
			c.log.Debug("the server's time is not known", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
