package bus_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

// TestAgeBesideAWrongClock stores a message, and reads its age on a machine whose clock is far from
// the server's: it is by the server's from the first answer on, and the difference is warned of once.
func TestAgeBesideAWrongClock(t *testing.T) {
	s := bustest.Start(t, bus.ServerConfig{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	for _, off := range []time.Duration{10 * time.Minute, -10 * time.Minute, time.Second} {
		var log bytes.Buffer
		c, err := bus.Dial(s.URL(), "off", bus.Log(hclog.New(&hclog.LoggerOptions{Output: &log})))
		if err != nil {
			t.Fatal(err)
		}
		c.SetClock(func() time.Time { return time.Now().Add(off) })
		ctx := bustest.Context(t)
		if err := c.EnsureStream(ctx, bus.StreamConfig{Name: "T", Subjects: []string{"t"}, AllowDirect: true}); err != nil {
			t.Fatal(err)
		}
		pub, err := c.NewPublisher()
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if out := pub.PutSync(ctx, bus.Put{Subject: "t", Data: []byte("x")}); out.Err != nil {
			t.Fatal(out.Err)
		}
		m, err := c.Last(ctx, "T", "t")
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := c.StreamState(ctx, "T"); err != nil {
				t.Fatal(err)
			}
		}
		const wrong = 500 * time.Millisecond // half of what an answer takes on a busy machine
		if age := c.Age(m.Time); age < -wrong || age > time.Since(began)+wrong {
			t.Errorf("clock off by %v: a message of %v is %v old", off, time.Since(began), age)
		}
		pub.Close()
		c.Close()
		want := 1
		if off == time.Second {
			want = 0
		}
		if got := strings.Count(log.String(), "this machine's clock is"); got != want {
			t.Errorf("clock off by %v: got %d warnings, want %d:\n%s", off, got, want, log.String())
		}
		if off == 10*time.Minute && !strings.Contains(log.String(), "ahead of the server's: by=10m0") && !strings.Contains(log.String(), "ahead of the server's: by=9m59") {
			t.Errorf("got %s", log.String())
		}
	}
}

// TestWrongClockIsWarnedOfEachMinute has a clock that is set wrong later, and goes on.
func TestWrongClockIsWarnedOfEachMinute(t *testing.T) {
	s := bustest.Start(t, bus.ServerConfig{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	var log bytes.Buffer
	c, err := bus.Dial(s.URL(), "off", bus.Log(hclog.New(&hclog.LoggerOptions{Output: &log})))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var off time.Duration
	c.SetClock(func() time.Time { return time.Now().Add(off) })
	ctx := bustest.Context(t)
	if err := c.EnsureJobs(ctx, 1); err != nil {
		t.Fatal(err)
	}
	for i, row := range []struct {
		off  time.Duration
		want int
	}{{0, 0}, {time.Hour, 1}, {time.Hour + 10*time.Second, 1}, {time.Hour + 61*time.Second, 2}} {
		off = row.off
		if _, err := c.StreamState(ctx, bus.JobsStream); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(log.String(), "this machine's clock is"); got != row.want {
			t.Errorf("%d: got %d warnings, want %d:\n%s", i, got, row.want, log.String())
		}
		if age := c.Age(time.Now()); age.Abs() > time.Second {
			t.Errorf("%d: what is stored now is %v old", i, age)
		}
	}
}

// TestKeepTime has the server's time known without a question of anybody else.
func TestKeepTime(t *testing.T) {
	s := bustest.Start(t, bus.ServerConfig{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	c := bustest.Dial(t, s.URL())
	c.SetClock(func() time.Time { return time.Now().Add(time.Hour) })
	if err := c.EnsureJobs(bustest.Context(t), 1); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(bustest.Context(t))
	done := make(chan struct{})
	go func() { defer close(done); c.KeepTime(ctx, bus.JobsStream) }()
	bustest.Eventually(t, "the server's time is known", func() bool { return c.Age(time.Now()).Abs() < time.Minute })
	cancel()
	bustest.Wait(t, "the end", done)
}
