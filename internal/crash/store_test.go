package crash

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sluice/internal/bus"
	"sluice/internal/protocol"
	"sluice/recipe"
)

// remains is what a killed process left of its sources' work, read from a copy of its
// data folder, so that the resume meets the folder as the kill left it.
type remains struct {
	frames int64 // committed behind the splits' checkpoints: they will be cut again
	taken  int64 // by all steps together, by the account
	open   int64 // splits that may be open at once
	window int64 // frames of a split that may be in flight
}

// inspect reads the copy of a data folder.
func inspect(t testing.TB, data string) (r remains) {
	t.Helper()
	opened(t, data, func(ctx context.Context, conn *bus.Conn, rec *bus.JobRecord) {
		names := bus.Names{Job: rec.Job}
		r.window = int64(rec.Plan.Window.Frames)
		for i := range rec.Plan.Steps {
			if rec.Plan.Steps[i].Role == recipe.RoleSource {
				r.source(t, ctx, conn, names, i, rec.Plan.Window.Splits)
			}
		}
		r.taken = account(t, ctx, conn, names, rec.Plan)
	})
	return r
}

// source adds up one source, of whose splits so many may be open.
func (r *remains) source(t testing.TB, ctx context.Context, conn *bus.Conn, names bus.Names, step, most int) {
	t.Helper()
	splits := 0
	if m, err := conn.Last(ctx, names.State(), names.SplitList(step)); err == nil {
		var list bus.SplitList
		if err := json.Unmarshal(m.Data, &list); err != nil {
			t.Error(err)
		}
		splits = len(list.Splits)
	}
	r.open += int64(min(splits, most))
	at := map[uint32]bus.SplitRecord{}
	err := conn.Scan(ctx, names.State(), names.StateAll(), 0, func(m *bus.Stored) error {
		if key, n := names.StateKey(m.Subject); key == "split" && n[0] == step {
			var rec bus.SplitRecord
			if err := json.Unmarshal(m.Data, &rec); err != nil {
				return err
			}
			at[uint32(n[1])] = rec
		}
		return nil
	})
	if err == nil {
		err = conn.Scan(ctx, names.Ledger(), names.LedgerStep(step), 0, func(m *bus.Stored) error {
			e, err := protocol.DecodeEntry(m.Data)
			if err != nil {
				return err
			}
			if c := at[e.Ord.Split]; !c.Done && e.Ord.N >= c.N {
				r.frames++
			}
			return nil
		})
	}
	if err != nil && !errors.Is(err, bus.ErrNoStream) {
		t.Errorf("read what the killed process left: %v", err)
	}
}

// opened starts a server on a copy of a data folder; f is not called when there is no job.
func opened(t testing.TB, data string, f func(context.Context, *bus.Conn, *bus.JobRecord)) {
	t.Helper()
	if _, err := os.Stat(data); err != nil {
		return // killed before it had begun
	}
	dir := filepath.Join(t.TempDir(), "copy")
	for try := 0; ; try++ { // a server that was in this process may still delete streams behind its shutdown
		err := os.CopyFS(dir, os.DirFS(data))
		if err == nil {
			break
		}
		if try == 20 || !errors.Is(err, os.ErrNotExist) || os.RemoveAll(dir) != nil {
			t.Fatal(err)
		}
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	server, err := bus.StartServer(bus.ServerConfig{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Shutdown()
	conn, err := server.Connect("inspect")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var last *bus.JobRecord
	err = conn.Scan(ctx, bus.JobsStream, bus.JobsFilter, 0, func(m *bus.Stored) error {
		last = &bus.JobRecord{}
		return bus.DecodeRecord(m.Data, last)
	})
	if err != nil && !errors.Is(err, bus.ErrNoStream) {
		t.Fatal(err)
	}
	if last != nil {
		f(ctx, conn, last)
	}
}

// account folds what is stored, as the next coordinator will, and adds up what the steps
// have taken.
func account(t testing.TB, ctx context.Context, conn *bus.Conn, names bus.Names, plan *recipe.Plan) (taken int64) {
	t.Helper()
	var fold protocol.Fold
	if m, err := conn.Last(ctx, names.State(), names.Fold()); err == nil {
		if err := bus.DecodeRecord(m.Data, &fold); err != nil {
			t.Error(err)
		}
	}
	a := protocol.NewAccountant(plan, fold, protocol.Rules{})
	err := conn.Scan(ctx, names.Ledger(), names.LedgerAll(), 0, func(m *bus.Stored) error {
		e, err := protocol.DecodeEntry(m.Data)
		if err != nil {
			return err
		}
		return a.Add(m.Seq, e, 0)
	})
	if err != nil && !errors.Is(err, bus.ErrNoStream) {
		t.Errorf("fold what the killed process left: %v", err)
	}
	for i := range a.Fold.Steps {
		f := &a.Fold.Steps[i]
		taken += f.In
		if plan.Steps[i].Role == recipe.RoleSource {
			for _, n := range f.Out {
				taken += n
			}
			taken += f.Dead
		}
	}
	return taken
}
