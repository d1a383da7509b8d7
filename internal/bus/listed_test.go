package bus_test

import (
	"sync"
	"testing"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// TestMissingStream finds the stream of a job that is gone, never one that was just made, and
// asks the server for its list once for many who look.
func TestMissingStream(t *testing.T) {
	s := bustest.ServerTCP(t)
	c, spy, ctx := bustest.Dial(t, s.URL()), bustest.Dial(t, s.URL()), bustest.Context(t)
	asked := make(chan string, 1000)
	unsubscribe, err := spy.Subscribe("$JS.API.STREAM.NAMES", func(string, []byte) { asked <- "" })
	if err != nil {
		t.Fatal(err)
	}
	defer unsubscribe()
	if err := spy.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	n, plan := bus.Names{Job: "j"}, &recipe.Plan{Streams: []recipe.Stream{{Name: "SLUICE_{job}_E0"}}}
	missing := func() string {
		t.Helper()
		name, err := c.MissingStream(ctx, n, plan)
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	if got := missing(); got != n.Ledger() {
		t.Errorf("got %q, want %q", got, n.Ledger())
	}
	for i, name := range n.Streams(plan) {
		ensure(t, c, bus.StreamConfig{Name: name, Subjects: []string{"x." + string(rune('a'+i))}})
	}
	if got := missing(); got != "" { // the list is older than they are
		t.Errorf("%s was missed and is there", got)
	}
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() { missing() })
	}
	all.Wait()
	if n := len(asked); n > 3 {
		t.Errorf("the server was asked for its list %d times", n)
	}
	if there, err := c.HasStream(ctx, "SLUICE_j_E0"); err != nil {
		t.Errorf("got %v, %v", there, err)
	}
	if err := c.DeleteStream(ctx, "SLUICE_j_E0"); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "the deleted one is missed", func() bool { return missing() == "SLUICE_j_E0" })
}
