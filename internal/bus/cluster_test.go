package bus_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

// urls are those of all servers, as a client is told them.
func urls(all []*bus.Server) string {
	var s []string
	for _, m := range all {
		s = append(s, m.URL())
	}
	return strings.Join(s, ",")
}

// TestCluster shuts down the leader of a stream with three replicas while a client publishes:
// it goes on, and nothing that was acknowledged is missing.
func TestCluster(t *testing.T) {
	authority := bustest.NewAuthority(t)
	all := bustest.Cluster(t, 3, func(i int, c *bus.ServerConfig) {
		c.Cluster.Token = "between servers"
		c.Cluster.TLS = authority.Files(fmt.Sprint("n", i))
	})
	c := bustest.Dial(t, urls(all))
	ctx, cancel := context.WithTimeout(t.Context(), 3*bustest.Timeout)
	defer cancel()
	until(t, ctx, "the stream", func() error {
		return c.EnsureStream(ctx, bus.StreamConfig{Name: "R3", Subjects: []string{"r3.*"}, MaxMsgsPerSubject: 1, DiscardNew: true, Replicas: 3, AllowDirect: true})
	})
	leader := -1
	bustest.Eventually(t, "one leads", func() bool {
		leader = slices.IndexFunc(all, func(s *bus.Server) bool { return s.Leads("", "R3") })
		return leader >= 0
	})
	pub, err := c.NewPublisher()
	if err != nil {
		t.Fatal(err)
	}
	defer pub.Close()
	for i := range 100 {
		if i == 50 {
			all[leader].Shutdown()
		}
		until(t, ctx, "a put", func() error {
			out := pub.PutSync(ctx, bus.Put{Subject: fmt.Sprint("r3.", i), Data: []byte("x")})
			if errors.Is(out.Err, bus.ErrExists) {
				return nil // the answer to the first try was lost
			}
			return out.Err
		})
	}
	var st bus.StreamState
	until(t, ctx, "the state", func() (err error) { st, err = c.StreamState(ctx, "R3"); return err })
	if st.Msgs != 100 {
		t.Errorf("got %d messages, want 100", st.Msgs)
	}
	if next := slices.IndexFunc(all, func(s *bus.Server) bool { return s.Leads("", "R3") }); next == leader {
		t.Errorf("server %d leads, and it is down", next)
	}
}

// until repeats what fails while a cluster chooses a leader.
func until(t *testing.T, ctx context.Context, what string, do func() error) {
	t.Helper()
	for {
		err := do()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v", what, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// TestClusterToken keeps a server out that does not know the cluster's token.
func TestClusterToken(t *testing.T) {
	ports := bustest.FreePorts(t, 3)
	join := func(i int, token string) *bus.Conn {
		s := bustest.Start(t, bus.ServerConfig{Listen: "127.0.0.1:0", Cluster: bus.Cluster{Name: "c", Server: fmt.Sprint("n", i), Listen: ports[i], Token: token, Routes: ports[:1]}})
		return bustest.Connect(t, s)
	}
	join(0, "right")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := join(1, "wrong").Ready(ctx); !errors.Is(err, bus.ErrTimeout) {
		t.Errorf("got %v of a server with a wrong token, want ErrTimeout", err)
	}
	if err := join(2, "right").Ready(bustest.Context(t)); err != nil {
		t.Errorf("a server with the right token: %v", err)
	}
}

// TestClusterPortTaken starts a server whose port for the others somebody else has.
func TestClusterPortTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	_, err = bus.StartServer(bus.ServerConfig{Dir: t.TempDir(), Listen: "127.0.0.1:0", Cluster: bus.Cluster{Name: "c", Server: "a", Listen: taken, Routes: []string{taken}}})
	if err == nil || !strings.Contains(err.Error(), "router port") || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("got %v, want that the port is taken", err)
	}
}

// TestClusterRefuses names what is missing.
func TestClusterRefuses(t *testing.T) {
	for want, c := range map[string]bus.Cluster{
		"an address for clients":      {Name: "c", Server: "a", Listen: "127.0.0.1:0", Routes: []string{"127.0.0.1:1"}},
		"a cluster needs a name":      {Routes: []string{"127.0.0.1:1"}},
		"needs a route":               {Name: "c", Server: "a", Listen: "127.0.0.1:0"},
		"a name of its own":           {Name: "c", Listen: "127.0.0.1:0"},
		"cluster route":               {Name: "c", Server: "a", Listen: "127.0.0.1:0", Routes: []string{"nowhere"}},
		"cluster address":             {Name: "c", Server: "a", Listen: "here", Routes: []string{"127.0.0.1:1"}},
		"needs a CA file":             {Name: "c", Server: "a", Listen: "127.0.0.1:0", Routes: []string{"127.0.0.1:1"}, TLS: bus.TLSFiles{Cert: "x", Key: "y"}},
		"CA file nowhere.pem: no suc": {Name: "c", Server: "a", Listen: "127.0.0.1:0", Routes: []string{"127.0.0.1:1"}, TLS: bus.TLSFiles{CA: "nowhere.pem", Cert: "x", Key: "y"}},
	} {
		_, err := bus.StartServer(bus.ServerConfig{Dir: t.TempDir(), Cluster: c})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
