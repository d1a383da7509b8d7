package bustest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"syscall"
	"testing"

	"sluice/internal/bus"
)

// Cluster starts n servers that are members of one cluster and listen on free ports, and waits
// until JetStream is ready for who connects with the options. each, which may be nil, changes a
// member's settings before its start.
func Cluster(t testing.TB, n int, each func(i int, c *bus.ServerConfig), opts ...bus.Option) []*bus.Server {
	t.Helper()
	var all []*bus.Server
	routes := FreePorts(t, n)
	for i := range n {
		c := bus.ServerConfig{Listen: "127.0.0.1:0", Cluster: bus.Cluster{Name: "test", Server: fmt.Sprint("n", i), Listen: routes[i], Routes: routes}}
		if each != nil {
			each(i, &c)
		}
		all = append(all, Start(t, c))
	}
	for _, s := range all {
		if err := Connect(t, s, opts...).Ready(Context(t)); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// FreePorts are addresses of the loopback interface that nobody listens on, for servers that must
// know each other's before they start. None is of those that a system hands out by itself, to another
// process between here and there.
func FreePorts(t testing.TB, n int) []string {
	t.Helper()
	const from, to = 10_000, 32_000 // Linux hands out those above
	var all []string
	for len(all) < n {
		l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", from+rand.IntN(to-from)))
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // all are open until the last is known, so they differ
		all = append(all, l.Addr().String())
	}
	return all
}

// StepDown makes the leader of a stream's replicas give way to another one. It returns at once.
func StepDown(t testing.TB, c *bus.Conn, stream string) {
	t.Helper()
	if _, err := c.Request(Context(t), "$JS.API.STREAM.LEADER.STEPDOWN."+stream, nil); err != nil {
		t.Fatalf("step down: %v", err)
	}
}
