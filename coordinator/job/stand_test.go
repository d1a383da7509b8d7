package job

import (
	"encoding/json"
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
	r.consumersStand(t.Context())
	server.Shutdown()
	bustest.Start(t, at)
	bustest.Eventually(t, "the connection is back", func() bool { return r.conn.Reconnects() > r.reconnects })
	bustest.Eventually(t, "the consumers are looked at", func() bool {
		r.moved = time.Now() // so that it is for the connection
		r.consumersStand(t.Context())
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
	r.consumersStand(t.Context())
	if gone, err := r.goneConsumers(t.Context()); err != nil || len(gone) != 1 || gone[0].Name != k.Name {
		t.Fatalf("while the job moves: got %v gone, err %v; want %s", gone, err, k.Name)
	}
	r.moved = time.Now().Add(-lostAfter)
	r.consumersStand(t.Context())
	complete(t, r)
}

// TestLateStreams has the streams made that few jobs need, each once: one that is gone is not
// made again, and the job has failed for it.
func TestLateStreams(t *testing.T) {
	for _, which := range []bus.Later{bus.LaterDead, bus.LaterInput} {
		t.Run(string(which), func(t *testing.T) {
			r := provisioned(t, config(t, oneSource))
			ask := func(r *run) error {
				t.Helper()
				if err := r.late.find(t.Context(), r); err != nil {
					t.Fatal(err)
				}
				stop, err := r.serveChores()
				if err != nil {
					t.Fatal(err)
				}
				defer stop()
				data, _ := json.Marshal(bus.Chore{Make: which})
				_, err = r.conn.Request(t.Context(), r.names.Chores(), data)
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
