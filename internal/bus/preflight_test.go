package bus_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/bus/natsconf"
)

// found returns the finding that has a text, and fails the test when there is none of the level.
func found(t *testing.T, r *bus.Report, l bus.Level, text string) {
	t.Helper()
	i := slices.IndexFunc(r.Findings, func(f bus.Finding) bool { return strings.Contains(f.What, text) })
	if i < 0 || r.Findings[i].Level != l || r.Findings[i].Hint == "" {
		t.Errorf("got %+v, want %s: …%s…, with a hint", r.Findings, l, text)
	}
	if refused := r.Refused(); (refused != nil) != (l == bus.Refuse) {
		t.Errorf("got %v as what is refused", refused)
	}
}

func preflight(t *testing.T, c *bus.Conn, n bus.Needs) *bus.Report {
	t.Helper()
	r, err := c.Preflight(bustest.Context(t), n)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestPreflight finds nothing to refuse with an embedded server, says what it keeps, and leaves
// nothing behind.
func TestPreflight(t *testing.T) {
	c := bustest.Conn(t, bustest.TCP)
	r := preflight(t, c, bus.Needs{Sync: &bus.Sync{Every: time.Minute}})
	found(t, r, bus.Warn, "in the last 1m0s")
	found(t, r, bus.Warn, "without a bound")
	if len(r.Findings) != 2 || !r.JetStream || r.Replicas != 1 || r.MaxPayload != bus.DefaultMaxPayload || !strings.Contains(r.Sync, "forced to disk every 1m0s") || !slices.Contains(r.Fields(), "unbounded") {
		t.Errorf("got %+v", r)
	}
	found(t, preflight(t, c, bus.Needs{}), bus.Warn, "can't be asked from here")
	if all, err := c.Streams(bustest.Context(t), ""); err != nil || len(all) > 0 {
		t.Errorf("got streams %v, %v", all, err)
	}
}

// TestPreflightLacks looks at servers that each lack something.
func TestPreflightLacks(t *testing.T) {
	with := func(l natsconf.Limits) *bus.Conn {
		s := bustest.Start(t, bus.ServerConfig{Accounts: []natsconf.Account{{Name: "a", Limits: l, Users: []natsconf.User{{Name: "u", Password: "p"}, {Name: "worker", Password: "p", Role: natsconf.Worker}}}}})
		return bustest.Connect(t, s, bus.User("u", "p"))
	}
	t.Run("replicas", func(t *testing.T) {
		r := preflight(t, bustest.Conn(t, bustest.InProcess), bus.Needs{Replicas: 3})
		found(t, r, bus.Refuse, "can't have 3 replicas")
		if r.Replicas != 0 || !strings.Contains(r.Refused().Error(), "join 3 servers") {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("payload", func(t *testing.T) {
		small := bustest.Connect(t, bustest.Start(t, bus.ServerConfig{MaxPayload: 256 << 10}))
		found(t, preflight(t, small, bus.Needs{}), bus.Refuse, "too small for frames")
		little := bustest.Connect(t, bustest.Start(t, bus.ServerConfig{MaxPayload: 1 << 20}))
		found(t, preflight(t, little, bus.Needs{}), bus.Warn, "too small for the plans")
	})
	t.Run("limits", func(t *testing.T) {
		found(t, preflight(t, with(natsconf.Limits{Store: 1 << 20}), bus.Needs{}), bus.Refuse, "bytes of file storage")
		found(t, preflight(t, with(natsconf.Limits{Store: 100 << 20}), bus.Needs{}), bus.Warn, "bytes of file storage")
		for _, f := range preflight(t, with(natsconf.Limits{Store: 1 << 30}), bus.Needs{Sync: &bus.Sync{Always: true}}).Findings {
			if f.Level == bus.Warn {
				t.Errorf("an account that is empty: got %+v", f)
			}
		}
		found(t, preflight(t, with(natsconf.Limits{Memory: 1 << 10}), bus.Needs{}), bus.Refuse, "bytes of memory storage")
		found(t, preflight(t, with(natsconf.Limits{Streams: 3}), bus.Needs{}), bus.Refuse, "3 streams")
		found(t, preflight(t, with(natsconf.Limits{Streams: 50}), bus.Needs{}), bus.Warn, "50 streams")
		found(t, preflight(t, with(natsconf.Limits{Consumers: 3}), bus.Needs{}), bus.Refuse, "consumers")
	})
	t.Run("version", func(t *testing.T) {
		s := bustest.ServerTCP(t)
		found(t, preflight(t, bustest.Dial(t, pretends(t, s.URL(), "2.9.99")), bus.Needs{}), bus.Refuse, "has version 2.9.99")
		found(t, preflight(t, bustest.Dial(t, pretends(t, s.URL(), "2.12.1")), bus.Needs{}), bus.Warn, "has version 2.12.1")
	})
	t.Run("jetstream", func(t *testing.T) {
		s := bustest.Start(t, bus.ServerConfig{Accounts: []natsconf.Account{{Name: "SYS", System: true, Users: []natsconf.User{{Name: "u", Password: "p"}}}}})
		r := preflight(t, bustest.Connect(t, s, bus.User("u", "p")), bus.Needs{})
		found(t, r, bus.Refuse, "JetStream is off")
		if r.JetStream {
			t.Error("it says that JetStream is on")
		}
	})
	t.Run("system", func(t *testing.T) {
		c := bustest.Conn(t, bustest.InProcess)
		found(t, preflight(t, c, bus.Needs{System: c}), bus.Warn, "not a connection to the system account")
	})
}

// TestPreflightRights has a worker look: it may not make a stream, and the hint says who may.
func TestPreflightRights(t *testing.T) {
	t.Parallel()
	s := bustest.Start(t, bus.ServerConfig{Accounts: []natsconf.Account{{Name: "a", Users: []natsconf.User{{Name: "worker", Password: "p", Role: natsconf.Worker}}}}})
	r := preflight(t, bustest.Connect(t, s, bus.User("worker", "p"), bus.As(natsconf.Worker)), bus.Needs{})
	found(t, r, bus.Refuse, "JetStream does not answer")
}

// TestPreflightCluster asks three servers, of which one syncs less than the others.
func TestPreflightCluster(t *testing.T) {
	accounts := []natsconf.Account{{Name: "SYS", System: true, Users: []natsconf.User{{Name: "sys", Password: "p"}}},
		{Name: "a", Users: []natsconf.User{{Name: "u", Password: "p"}}}}
	all := bustest.Cluster(t, 3, func(i int, c *bus.ServerConfig) {
		c.Accounts, c.SyncAlways, c.MaxStore = accounts, i != 1, 1<<30
	}, bus.User("u", "p"))
	n := bus.Needs{Replicas: 3, System: bustest.Connect(t, all[0], bus.User("sys", "p"))}
	c := bustest.Connect(t, all[0], bus.User("u", "p"))
	var r *bus.Report
	bustest.Eventually(t, "all three are there", func() bool {
		r = preflight(t, c, n)
		return r.Servers == 3 && r.Replicas == 3
	})
	if r.Cluster != "test" || r.Refused() != nil || !strings.Contains(r.Sync, "every 2m0s") {
		t.Errorf("got %+v", r)
	}
	n.Replicas = 1
	r = preflight(t, c, n)
	found(t, r, bus.Warn, "stand still")
	found(t, r, bus.Warn, "in the last 2m0s")
}

// pretends stands before a server and says that it has another version.
func pretends(t *testing.T, url, version string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() { // ends with the listener
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", strings.TrimPrefix(url, "nats://"))
			if err != nil {
				near.Close()
				return
			}
			go func() { _, _ = io.Copy(far, near); far.Close() }()
			go func() {
				defer near.Close()
				from := bufio.NewReaderSize(far, 64<<10)
				for { // the server tells of itself again when it likes
					line, err := from.ReadBytes('\n')
					if bytes.HasPrefix(line, []byte("INFO ")) {
						at := bytes.Index(line, []byte(`"version":"`)) + len(`"version":"`)
						end := at + bytes.IndexByte(line[at:], '"')
						line = slices.Concat(line[:at], []byte(version), line[end:])
					}
					if _, werr := near.Write(line); err != nil || werr != nil {
						return
					}
				}
			}()
		}
	}()
	return "nats://" + l.Addr().String()
}
