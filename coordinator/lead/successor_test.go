package lead

import (
	"context"
	"sync"
	"testing"
	"time"

	"sluice/coordinator/store"
	"sluice/internal/bus/bustest"
)

// TestSuccessor: the lease of a process that was killed is taken at once, by one of those who
// want it, for a higher term. That of one which lives and of one elsewhere is waited for.
func TestSuccessor(t *testing.T) {
	me := self()
	if me.Beside == "" {
		t.Skip("this machine does not tell which process is which")
	}
	server, ctx := bustest.Server(t), bustest.Context(t)
	open := func() store.Table[Lease] {
		c, err := store.Open(ctx, store.Config{Conn: bustest.Connect(t, server)})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Follow(ctx); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return store.NewTable[Lease](c, "lease")
	}
	h, cmd := process(t, me)
	table := open()
	if _, err := table.Create(ctx, leaseKey, &Lease{Leader: "dead", Beat: 41, Holder: h}); err != nil {
		t.Fatal(err)
	}
	short, end := context.WithTimeout(ctx, time.Second)
	defer end()
	if newLease(open(), "c", DefaultLease).acquire(short) {
		t.Fatal("the lease of one that lives was taken")
	}
	won := make(chan *lease, 2)
	run, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	for range 2 {
		l := newLease(open(), "c", DefaultLease)
		all.Go(func() {
			if l.acquire(run) {
				won <- l
			}
		})
	}
	began := time.Now()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	l := bustest.Wait(t, "the successor", won)
	if d := time.Since(began); d > DefaultLease*2/3 || l.term != 42 || l.rec.Holder != me {
		t.Errorf("behind %v there is term %d of %+v", d, l.term, l.rec)
	}
	cancel()
	all.Wait()
	if len(won) != 0 {
		t.Error("two lead")
	}
}
