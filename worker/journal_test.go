package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"sluice/coordinator/job"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/protocol"
	"sluice/nodes"
	"sluice/recipe"
)

// blob is a node whose state is bytes that only grow.
type blob struct {
	state []byte
	told  int
}

func (b *blob) Process(*nodes.Call, nodes.Record) error { return nil }
func (b *blob) AppendSnapshot(to []byte) []byte         { b.told = len(b.state); return append(to, b.state...) }
func (b *blob) Restore(s []byte) error                  { b.state = slices.Clone(s); b.told = len(s); return nil }
func (b *blob) Apply(d []byte) error {
	b.state = append(b.state, d...)
	b.told = len(b.state)
	return nil
}
func (b *blob) AppendDelta(to []byte) []byte {
	to = append(to, b.state[b.told:]...)
	b.told = len(b.state)
	return to
}

// grow adds n bytes of noise.
func (b *blob) grow(n int) {
	noise := rand.NewChaCha8([32]byte{byte(len(b.state))})
	at := len(b.state)
	b.state = slices.Grow(b.state, n)[:at+n]
	_, _ = noise.Read(b.state[at:])
}

// journaled is a job with one step whose journal is tested.
func journaled(t *testing.T) *jobRun {
	t.Helper()
	conn := bustest.Connect(t, bustest.Start(t, bus.ServerConfig{}))
	w, err := New(Config{Conn: conn, Catalogue: &nodes.Catalogue{}, Name: "w"})
	if err != nil {
		t.Fatal(err)
	}
	r := newJobRun(w, bus.JobRecord{Job: "j", Plan: &recipe.Plan{Steps: []recipe.Step{{Node: "n", Lanes: []recipe.Lane{{}}}}}})
	if r.pub, err = conn.NewPublisher(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.pub.Close)
	err = conn.EnsureStream(t.Context(), bus.StreamConfig{Name: r.names.Journal(), Subjects: []string{r.names.JournalAll()}, MaxMsgsPerSubject: 1, DiscardNew: true, AllowDirect: true})
	if err != nil {
		t.Fatal(err)
	}
	stop, err := conn.Serve(r.names.Chores(), "", func(ctx context.Context, _ string, data []byte) ([]byte, error) {
		var c bus.Chore
		if err := json.Unmarshal(data, &c); err != nil {
			return nil, err
		}
		return nil, job.DoChore(ctx, conn, r.names, 1, &c)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return r
}

func reopened(t *testing.T, r *jobRun, epoch uint64) (*journal, *blob) {
	t.Helper()
	b := &blob{}
	j, err := openJournal(t.Context(), r, &r.plan.Steps[0], epoch, b)
	if err != nil {
		t.Fatal(err)
	}
	return j, b
}

// checkpoint captures and saves the next revision.
func checkpoint(t *testing.T, j *journal, whole bool) protocol.Result {
	t.Helper()
	j.at.Rev++
	ck := &protocol.Checkpoint{Rev: j.at.Rev, Cursors: make(protocol.Cursors, 1)}
	return stored(t, j, ck, captureOf(t, j, ck, whole))
}

func captureOf(t *testing.T, j *journal, ck *protocol.Checkpoint, whole bool) *captured {
	t.Helper()
	c, err := j.capture(t.Context(), ck, whole)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func stored(t *testing.T, j *journal, ck *protocol.Checkpoint, c *captured) protocol.Result {
	t.Helper()
	done := make(chan protocol.Result, 1)
	j.save(ck, c, func(seq uint64, r protocol.Result, err error) {
		if err != nil {
			t.Error(err)
		}
		if r == protocol.OK {
			j.saved(ck.Rev, seq, c)
		}
		done <- r
	})
	return <-done
}

// names are those of the pieces that are stored.
func (r *jobRun) pieceNames(t *testing.T) int {
	t.Helper()
	all, err := r.conn.SubjectCounts(t.Context(), r.names.Values(), r.names.ValuesPrefix()+".m.*")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// TestLargeStates saves states beyond the bound of a message and of a large value, as
// snapshots and as deltas, and reads them in another reign.
func TestLargeStates(t *testing.T) {
	r := journaled(t)
	j, b := reopened(t, r, 1)
	var want []byte
	for i, n := range []int{100, 3 << 20, 40 << 20, 1 << 20, 20 << 20} {
		b.grow(n)
		if res := checkpoint(t, j, true); res != protocol.OK {
			t.Fatalf("checkpoint %d: got %v", i, res)
		}
		want = b.state
		j, b = reopened(t, r, uint64(i+2))
		if !bytes.Equal(b.state, want) {
			t.Fatalf("checkpoint %d: read %d bytes that are not the %d saved", i, len(b.state), len(want))
		}
	}
}

// TestPiecesArePurged keeps only what the last snapshot and what follows it need, also of a
// reign that died before it saved the record.
func TestPiecesArePurged(t *testing.T) {
	r := journaled(t)
	j, b := reopened(t, r, 1)
	b.grow(10 << 20)
	dead := &protocol.Checkpoint{Rev: j.at.Rev + 1, Cursors: make(protocol.Cursors, 1)}
	if c := captureOf(t, j, dead, true); c.ready != nil {
		<-c.ready
	}
	j, b = reopened(t, r, 2)
	for range 4 {
		b.grow(10 << 20)
		if res := checkpoint(t, j, true); res != protocol.OK {
			t.Fatalf("got %v", res)
		}
	}
	over := time.After(10 * time.Second)
	for want := 3 + 2 + 2; r.pieceNames(t) > want; { // a snapshot at 20 MiB, and two deltas
		select {
		case <-over:
			t.Fatalf("got %d pieces, want %d", r.pieceNames(t), want)
		case <-time.After(5 * time.Millisecond):
		}
	}
	if _, again := reopened(t, r, 3); !bytes.Equal(again.state, b.state) {
		t.Error("the state is not the one saved")
	}
}

// TestLatecomerPurgesNothing lets a reign that was taken over save a snapshot, on a revision
// that the next reign has purged: the next reign's journal stays whole.
func TestLatecomerPurgesNothing(t *testing.T) {
	r := journaled(t)
	old, ob := reopened(t, r, 1)
	ob.grow(1 << 20)
	checkpoint(t, old, true) // a delta; the next is a snapshot
	late := &protocol.Checkpoint{Rev: old.at.Rev + 2, Cursors: make(protocol.Cursors, 1)}
	c := captureOf(t, old, late, true)
	if !c.snapshot {
		t.Fatal("no snapshot was due")
	}
	j, b := reopened(t, r, 2)
	for range 6 {
		b.grow(1 << 20)
		checkpoint(t, j, true)
	}
	over := time.After(10 * time.Second)
	for {
		if _, err := r.conn.Last(t.Context(), r.names.Journal(), r.names.JournalEntry(0, late.Rev)); err != nil {
			break
		}
		select {
		case <-over:
			t.Fatal("the revision was not purged")
		case <-time.After(5 * time.Millisecond):
		}
	}
	before := old.mine
	if res := stored(t, old, late, c); res != protocol.OK {
		t.Fatalf("got %v of the latecomer: the test is not about what it says", res)
	}
	// The reign asks for it itself: this waits until it was done.
	chore, err := json.Marshal(bus.Chore{Journal: before + 1, Revision: late.Rev})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.conn.Request(t.Context(), r.names.Chores(), chore); err != nil {
		t.Fatal(err)
	}
	if _, again := reopened(t, r, 3); !bytes.Equal(again.state, b.state) {
		t.Errorf("got a state of %d bytes, want the %d that were saved", len(again.state), len(b.state))
	}
}
