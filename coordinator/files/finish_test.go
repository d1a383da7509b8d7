package files_test

import (
	"bytes"
	"io"
	"sync"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/files"
	"sluice/internal/bus/bustest"
)

// TestFinishBesideAbort finishes an upload at one coordinator while it is given up, or finished too
// and then deleted, at another: an artifact that there is has its content, and who was told that
// it is finished finds it.
func TestFinishBesideAbort(t *testing.T) {
	t.Parallel()
	server := bustest.Server(t)
	a, b := open(t, bustest.Connect(t, server), files.Config{}), open(t, bustest.Connect(t, server), files.Config{})
	for what, other := range map[string]func(*files.Store, string) (deleted bool, err error){
		"given up": func(s *files.Store, id string) (bool, error) { return false, s.Abort(bustest.Context(t), id) },
		"finished": func(s *files.Store, id string) (bool, error) {
			_, err := s.Finish(bustest.Context(t), id)
			return false, err
		},
		"finished and deleted": func(s *files.Store, id string) (bool, error) {
			got, err := s.Finish(bustest.Context(t), id)
			if err == nil {
				err = s.Delete(bustest.Context(t), got.ID, 0)
			}
			return err == nil, err
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			var both, one, none int
			for n := range 150 {
				data := append([]byte(what), content(100, uint64(n))...)
				u := begin(t, a, what, len(data), "")
				if _, err := a.Append(bustest.Context(t), u.ID, 0, bytes.NewReader(data)); err != nil {
					t.Fatal(err)
				}
				var work sync.WaitGroup
				var finished, done error
				var deleted bool
				work.Go(func() { _, finished = a.Finish(bustest.Context(t), u.ID) })
				work.Go(func() { deleted, done = other(b, u.ID) })
				work.Wait()
				switch {
				case finished == nil && done == nil:
					both++
				case finished != nil && done != nil:
					none++
				default:
					one++
				}
				there := stored(t, a, digest(data), data)
				if !there && finished == nil && !deleted {
					t.Errorf("round %d: it was finished, and is not there; the other: %v", n, done)
				}
			}
			t.Logf("both were done %d times, one %d times, none %d times", both, one, none)
			if none > 0 {
				t.Errorf("%d times nothing was done", none)
			}
		})
	}
}

// TestFinishedTwice finishes an upload at two coordinators at once, until both were at it: its record
// stays while one of them may still be, and the sweep leaves the content that was made of it.
func TestFinishedTwice(t *testing.T) {
	t.Parallel()
	server, ctx := bustest.Server(t), bustest.Context(t)
	a, b := open(t, bustest.Connect(t, server), files.Config{}), open(t, bustest.Connect(t, server), files.Config{})
	for n := uint64(0); ctx.Err() == nil; n++ {
		data := content(100, n)
		u := begin(t, a, "twice", len(data), "")
		if _, err := a.Append(ctx, u.ID, 0, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		var work sync.WaitGroup
		var one, other error
		work.Go(func() { _, one = a.Finish(ctx, u.ID) })
		work.Go(func() { _, other = b.Finish(ctx, u.ID) })
		work.Wait()
		if one != nil && other != nil {
			t.Fatal(one, other)
		}
		if _, err := a.Upload(ctx, u.ID); err != nil {
			continue // one was done before the other began
		}
		family(t, "give it up", a.Abort(ctx, u.ID), coordinator.Conflict)
		if err := a.SweepUploads(ctx, time.Now()); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Upload(ctx, u.ID); err != nil {
			t.Errorf("its record was swept while somebody may be at it: %v", err)
		}
		if err := a.SweepUploads(ctx, time.Now().Add(files.FinishesFor+time.Second)); err != nil {
			t.Fatal(err)
		}
		_, err := a.Upload(ctx, u.ID)
		family(t, "its record afterwards", err, coordinator.Unknown)
		if !stored(t, b, digest(data), data) {
			t.Error("it is not there any more")
		}
		return
	}
	t.Fatal("they never met")
}

// TestFinishCut finishes an upload at a coordinator that dies amid it: nobody gives the upload up,
// another coordinator finishes it, and where the client does not ask the sweep does.
func TestFinishCut(t *testing.T) {
	t.Parallel()
	server, ctx := bustest.Server(t), bustest.Context(t)
	a, b := open(t, bustest.Connect(t, server), files.Config{}), open(t, bustest.Connect(t, server), files.Config{})
	for what, finish := range map[string]func(id string) error{
		"asked for again": func(id string) error { _, err := b.Finish(ctx, id); return err },
		"swept":           func(string) error { return b.SweepUploads(ctx, time.Now().Add(files.FinishesFor+time.Second)) },
	} {
		data := []byte(what)
		u := begin(t, a, "cut", len(data), "")
		if _, err := a.Append(ctx, u.ID, 0, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		if err := a.Mark(ctx, u.ID); err != nil {
			t.Fatal(err)
		}
		family(t, what+": give it up", b.Abort(ctx, u.ID), coordinator.Conflict)
		if err := finish(u.ID); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if !stored(t, a, digest(data), data) {
			t.Errorf("%s: it is not there", what)
		}
		if err := b.SweepUploads(ctx, time.Now().Add(files.FinishesFor+time.Second)); err != nil {
			t.Fatal(err)
		}
		_, err := b.Upload(ctx, u.ID)
		family(t, what+": its record", err, coordinator.Unknown)
		if !stored(t, a, digest(data), data) {
			t.Errorf("%s: it is not there any more", what)
		}
	}
}

// stored reports whether a coordinator knows the artifact of a digest, which then has its content.
func stored(t *testing.T, s *files.Store, sum string, data []byte) bool {
	t.Helper()
	ctx := bustest.Context(t)
	if _, err := s.Stands(ctx, &coordinator.Artifact{}); err != nil { // it sees what others have done
		t.Fatal(err)
	}
	got, err := s.Artifact(sum)
	if coordinator.FamilyOf(err) == coordinator.Unknown {
		return false
	}
	f, err := s.Open(ctx, got)
	if err == nil {
		defer f.Close()
		var b []byte
		if b, err = io.ReadAll(f); err == nil && !bytes.Equal(b, data) {
			t.Errorf("%s has another content", got.ID)
		}
	}
	if err != nil {
		t.Errorf("%s is there without its content: %v", got.ID, err)
	}
	return true
}
