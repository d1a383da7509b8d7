package auth_test

import (
	"fmt"
	"testing"
	"time"

	"sluice/coordinator/auth"
)

// TestW5Limit: the burst passes and the next does not; others are not affected.
func TestW5Limit(t *testing.T) {
	c := newClock()
	l := auth.NewLimiter(auth.LimiterConfig{Rate: 2, Burst: 5, Now: c.now})
	for i := range 5 {
		if ok, _ := l.Allow("a"); !ok {
			t.Fatalf("%d of 5 was refused", i+1)
		}
	}
	for range 3 { // asking again costs nothing
		if ok, after := l.Allow("a"); ok || after != 500*time.Millisecond {
			t.Fatalf("got %v after %v, want a refusal for 500ms", ok, after)
		}
	}
	if ok, _ := l.Allow("b"); !ok {
		t.Error("another was refused")
	}
	c.add(500 * time.Millisecond)
	if ok, _ := l.Allow("a"); !ok {
		t.Error("it was refused after the time that it was told")
	}
	if ok, _ := l.Allow("a"); ok {
		t.Error("one token served twice")
	}
	if ok, after := auth.NewLimiter(auth.LimiterConfig{Rate: 1}).Allow("a"); ok || after <= 0 {
		t.Error("a limiter without a burst lets somebody through")
	}
}

// TestLimiterForgets: who asks keeps its bucket while thousands come by; the memory is bounded.
func TestLimiterForgets(t *testing.T) {
	c := newClock()
	l := auth.NewLimiter(auth.LimiterConfig{Rate: 1, Burst: 1, Entries: 100, Now: c.now})
	l.Allow("a")
	for i := range 10_000 {
		l.Allow(fmt.Sprint("other ", i))
		if ok, _ := l.Allow("a"); ok {
			t.Fatalf("a was forgotten after %d others", i)
		}
	}
	if got := l.Size(); got != 100 {
		t.Errorf("got %d buckets, want 100", got)
	}
}

func TestByAddress(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.7:5000": "192.0.2.7", "192.0.2.7": "192.0.2.7", "[::ffff:192.0.2.7]:80": "192.0.2.7",
		"[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::/64", "[fe80::1%eth0]:80": "fe80::/64", "nonsense": "?",
	} {
		if got := auth.ByAddress(remote); got != want {
			t.Errorf("%s: got %s, want %s", remote, got, want)
		}
	}
}
