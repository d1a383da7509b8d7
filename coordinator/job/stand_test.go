package job

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

// TestConsumersOutliveTheServer ends a server that stands alone under a job, and lets it begin
// again: it knows the job's streams, and nothing of the consumers that it kept in memory.
func TestConsumersOutliveTheServer(t *testing.T) {
	at := bus.ServerConfig{Dir: t.TempDir(), Listen: bustest.FreePorts(t, 1)[0]}
	server := bustest.Start(t, at)
	c := config(t, twoSources)
	c.Conn = bustest.Dial(t, server.URL())
	r := provisioned(t, c)
	stands(t, r)
	server.Shutdown()
	bustest.Start(t, at)
	bustest.Eventually(t, "the connection is back", func() bool { return r.conn.Reconnects() > r.reconnects })
	bustest.Eventually(t, "the consumers are looked at", func() bool {
		r.moved = time.Now() // so that it is for the connection
		stands(t, r)
		return r.conn.Reconnects() == r.reconnects
	})
	complete(t, r)
}

// TestConsumersAreMissed deletes a consumer of a job that stands still.
func TestConsumersAreMissed(t *testing.T) {
	r := provisioned(t, config(t, twoSources))
	k := r.consumers()[0]
	if err := r.conn.DeleteConsumer(t.Context(), k.Stream, k.Name); err != nil {
		t.Fatal(err)
	}
	r.moved = time.Now()
	stands(t, r)
	if gone, err := r.goneConsumers(t.Context()); err != nil || len(gone) != 1 || gone[0].Name != k.Name {
		t.Fatalf("while the job moves: got %v gone, err %v; want %s", gone, err, k.Name)
	}
	r.moved, r.served = time.Now().Add(-lostAfter), time.Now().Add(-lostAfter)
	stands(t, r)
	complete(t, r)
}

// TestConsumersAreMissedAtWork deletes a consumer of one branch while another branch moves.
func TestConsumersAreMissedAtWork(t *testing.T) {
	r := provisioned(t, config(t, twoSources))
	k := r.consumers()[0]
	if err := r.conn.DeleteConsumer(t.Context(), k.Stream, k.Name); err != nil {
		t.Fatal(err)
	}
	r.moved, r.served = time.Now(), time.Now().Add(-servedEvery)
	stands(t, r)
	complete(t, r)
}

// TestMuteConsumer: a consumer that has not answered for long is made anew, also the only one and
// while the job moves; not one that answers in between, nor where the stream doesn't answer either,
// nor where there is no other server.
func TestMuteConsumer(t *testing.T) {
	r := provisioned(t, config(t, twoSources))
	k := r.consumers()[0]
	gone := make(chan error, 1)
	p, err := r.conn.NewPuller(k.Stream, k.Name, func(*bus.Message) {}, func(err error) { gone <- err })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	p.Want(100) // more than there is: it goes on to wait
	one := func(name string) bool { return name == k.Name }
	all := func(name string) bool { return !strings.HasPrefix(name, "SLUICE_") }
	every := func(string) bool { return true }
	none := func(string) bool { return false }
	for _, row := range []struct {
		what     string
		replicas int
		asked    []func(string) bool // who is deaf at each look; they are muteAfter apart
		anew     bool
	}{
		{"once", 3, []func(string) bool{one}, false},
		{"in an election", 3, []func(string) bool{one, none, one}, false},
		{"no server answers", 3, []func(string) bool{every, every, every}, false},
		{"a server that stands alone", 1, []func(string) bool{one, one}, false},
		{"for long", 3, []func(string) bool{one, one}, true},
		{"all for long", 3, []func(string) bool{all, all}, true},
	} {
		r.cfg.Replicas, r.mute = row.replicas, nil
		for _, r.deaf = range row.asked {
			r.moved, r.served = time.Now(), time.Now().Add(-servedEvery)
			stands(t, r)
			for name, at := range r.mute {
				r.mute[name] = at.Add(-muteAfter)
			}
		}
		complete(t, r)
		if !row.anew {
			select {
			case err := <-gone:
				t.Fatalf("%s: the consumer was deleted (%v)", row.what, err)
			default:
			}
			continue
		}
		if err := bustest.Wait(t, "the end of the consumer", gone); !errors.Is(err, bus.ErrGone) {
			t.Errorf("%s: got %v", row.what, err)
		}
		if p, err = r.conn.NewPuller(k.Stream, k.Name, func(*bus.Message) {}, func(err error) { gone <- err }); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Stop)
		p.Want(100)
	}
}

func stands(t *testing.T, r *run) {
	t.Helper()
	if err := r.consumersStand(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestConsumersOfTwoStarts has a coordinator that was away look when another one has the job: it
// makes nothing. What it has made late the other one removes.
func TestConsumersOfTwoStarts(t *testing.T) {
	c := config(t, twoSources)
	old := provisioned(t, c)
	now := provisioned(t, c)
	late := time.Now().Add(-lostAfter)
	for _, k := range now.consumers() {
		if err := now.conn.DeleteConsumer(t.Context(), k.Stream, k.Name); err != nil {
			t.Fatal(err)
		}
	}
	old.moved, now.moved, old.served, now.served = late, late, late, late
	if err := old.consumersStand(t.Context()); !errors.Is(err, errAnother) {
		t.Errorf("the old one: got %v, want that another coordinator runs the job", err)
	}
	for _, k := range old.consumers() {
		if err := old.conn.EnsureConsumer(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	stands(t, now)
	complete(t, now)
}

// TestConsumersOfOwners makes a consumer again beside one of an ordered step, which stays.
func TestConsumersOfOwners(t *testing.T) {
	r := provisioned(t, config(t, oneSource))
	edge := r.plan.Edges[0]
	stream, subject := r.whereIs(&edge)
	own := bus.ConsumerConfig{Stream: stream, Name: r.names.Consumer(edge.To, edge.ID, r.rec.Generation, 1), Filter: subject, Memory: true}
	if err := r.conn.EnsureConsumer(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	k := r.consumers()[0]
	if err := r.conn.DeleteConsumer(t.Context(), k.Stream, k.Name); err != nil {
		t.Fatal(err)
	}
	r.moved = time.Now().Add(-lostAfter)
	stands(t, r)
	if names, err := r.conn.Consumers(t.Context(), stream); err != nil || !slices.Contains(names, own.Name) {
		t.Errorf("got consumers %v, err %v; want %s among them", names, err, own.Name)
	}
}

// TestLateStreams has the streams made that few jobs need, each once: one that is gone is not
// made again, and the job has failed for it.
func TestLateStreams(t *testing.T) {
	for _, which := range []bus.Later{bus.LaterDead, bus.LaterInput} {
		t.Run(string(which), func(t *testing.T) {
			r := provisioned(t, config(t, oneSource))
			ask := func(r *run) error {
				t.Helper()
				stop, err := r.serveChores()
				if err != nil {
					t.Fatal(err)
				}
				defer stop()
				data, _ := json.Marshal(bus.Chore{Make: which})
				answer, err := r.conn.Request(t.Context(), r.names.Chores(), data)
				if len(answer) > 0 {
					err = fmt.Errorf("the answer is %s", answer)
				}
				return err
			}
			name := r.names.Later(which)
			if all, err := r.conn.Streams(t.Context(), r.names.Prefix()); err != nil || slices.Contains(all, name) {
				t.Fatalf("before anybody asked: got streams %v, err %v", all, err)
			}
			for range 2 {
				if err := ask(r); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := r.conn.StreamState(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			again := provisioned(t, r.cfg) // a later start, which finds it
			if err := ask(again); err != nil {
				t.Fatal(err)
			}
			if err := ask(r); err == nil {
				t.Error("the run before has one made")
			}
			if err := r.conn.DeleteStream(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			data := &bus.Chore{Make: which}
			if err := again.chore(t.Context(), data); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("a stream that is gone: got %v, want that %s is", err, name)
			}
			bustest.Eventually(t, "the job fails", func() bool {
				again.stood = time.Time{}
				again.streamsStand(t.Context())
				return again.reason == goneReason(name)
			})
			third := opened(t, r.cfg)
			if gone, err := third.late.find(t.Context(), third); gone != name || err != nil {
				t.Errorf("a later start: got %q gone, err %v; want %s", gone, err, name)
			}
			if err := Remove(t.Context(), r.conn, r.names.Job); err != nil {
				t.Fatal(err)
			}
			if err := ask(again); err == nil {
				t.Error("one is made of a job that was removed")
			}
		})
	}
}

// TestChoreOfNoStream refuses what no job has.
func TestChoreOfNoStream(t *testing.T) {
	r := provisioned(t, config(t, oneSource))
	if err := r.chore(t.Context(), &bus.Chore{Make: "cellar"}); err == nil || !strings.Contains(err.Error(), "cellar") {
		t.Errorf("got %v, want that there is no such stream", err)
	}
}

// TestWatchdogStoodStill has the coordinator's process stopped for longer than a job may stand still:
// it has not seen what moved, and the job goes on. One that looks all the time ends it.
func TestWatchdogStoodStill(t *testing.T) {
	c := config(t, twoSources)
	c.Stall = 4 * time.Second
	r := provisioned(t, c)
	long := time.Now().Add(-time.Minute)
	for _, since := range []struct {
		looked time.Duration
		fails  bool
	}{{time.Minute, false}, {time.Second, true}} {
		r.began, r.moved, r.idle, r.sought, r.watched = long, long, long, time.Now(), time.Now().Add(-since.looked)
		if r.watchdog(t.Context()); (r.reason != "") != since.fails {
			t.Errorf("looked %v ago: got reason %q", since.looked, r.reason)
		}
	}
}
