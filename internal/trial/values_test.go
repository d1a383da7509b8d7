package trial_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"testing"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/trial"
)

const besides = `
recipe: besides
nodes:
  big:   {kind: file_reader, config: {path: big}}
  up:    {kind: to_uppercase, from: big}
  seen:  {kind: printer, from: up, config: {order: arrival}}
  out:   {kind: file_writer, from: up, config: {path: out}}
  lines: {kind: file_reader, config: {path: in}}
  held:  {kind: held, from: lines, config: {path: go}}
  other: {kind: file_writer, from: held, config: {path: other}}
`

// values lists the names of a job's large values.
func values(t *testing.T, r *trial.Rig, j *trial.Job) (names []string) {
	t.Helper()
	prefix := j.Names().ValuesPrefix() + ".m."
	err := r.Conn.Scan(bustest.Context(t), j.Names().Values(), prefix+"*", 0, func(m *bus.Stored) error {
		names = append(names, strings.TrimPrefix(m.Subject, prefix))
		return nil
	})
	if err != nil {
		t.Log(err)
	}
	return names
}

// TestLateCopyOfValue publishes the copy of a frame that travelled by reference once more
// when its value is deleted: whoever reads it has nothing to do.
func TestLateCopyOfValue(t *testing.T) {
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		r.File("big", "a\n"+strings.Repeat("x", 700<<10)+"\nb\n")
		r.File("in", lines(10, "%d"))
		j := r.Job(t, besides)
		var mu sync.Mutex
		copies := map[string][]byte{}
		for _, e := range j.Plan.Edges {
			stop, err := r.Conn.Subscribe(j.Names().Fill(e.Subject), func(subject string, data []byte) {
				if h, _, err := bus.OpenFrame(data); err == nil && h.Ref {
					mu.Lock()
					copies[subject] = data
					mu.Unlock()
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			defer stop()
		}
		if err := r.Conn.Flush(bustest.Context(t)); err != nil {
			t.Fatal(err)
		}
		done := j.Start(nil)
		seen := func() int {
			mu.Lock()
			defer mu.Unlock()
			return len(copies)
		}
		bustest.Eventually(t, "the large frame is on three edges, and its values are swept", func() bool {
			return seen() == 3 && len(values(t, r, j)) == 0
		})
		pub, err := r.Conn.NewPublisher()
		if err != nil {
			t.Fatal(err)
		}
		defer pub.Close()
		mu.Lock()
		for subject, data := range copies {
			if out := pub.PutSync(bustest.Context(t), bus.Put{Subject: subject, Data: data}); out.Err != nil {
				t.Error(out.Err)
			}
		}
		mu.Unlock()
		r.File("go", "")
		res := bustest.Wait(t, "the end", done).Succeeded()
		if got := r.Read(t, "out"); got != strings.ToUpper(r.Read(t, "big")) {
			t.Errorf("got %d bytes", len(got))
		}
		if res.Progress.Dead() != 0 {
			t.Errorf("got %d dead records, want none", res.Progress.Dead())
		}
	})
}

// TestDamagedValue damages what a frame refers to while its job rests: its records are
// counted as dead and everything else arrives, whatever reads it.
func TestDamagedValue(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 700<<10)
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		for _, row := range []struct{ reader, how string }{
			{"kind: held, from: up, config: {path: go}", "gone"},
			{"kind: held, from: up, config: {path: go}", "another"},
			{"kind: throttle, from: up, config: {rate: 1, for: 3s}", "gone"}, // ordered, and held for as long
		} {
			r.Clear()
			r.File("in", lines(150, "%d")+large+"\n"+lines(850, "%d"))
			j := r.Job(t, strings.Replace(holding, "kind: held, from: up, config: {path: go}", row.reader, 1), trial.Frames(10))
			stopped(t, r, j, "up")
			damage(t, r, j, row.how == "another")
			r.File("go", "")
			res := j.Run().Succeeded()
			if a := res.Account("held"); a.Damaged != 1 || res.Progress.Dead() != 1 || len(r.Lines(t, "out")) != 1000 {
				t.Errorf("%s, %s: got %+v, %d dead and %d lines", row.how, row.reader, a, res.Progress.Dead(), len(r.Lines(t, "out")))
			}
		}
	})
}

// damage deletes the value that step up made, or puts other pieces in its place.
func damage(t *testing.T, r *trial.Rig, j *trial.Job, other bool) {
	t.Helper()
	ctx := bustest.Context(t)
	objects, err := r.Conn.Objects(ctx, bus.ObjectsConfig{Stream: j.Names().Values(), Prefix: j.Names().ValuesPrefix()})
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range values(t, r, j) {
		if !strings.HasPrefix(name, "s1-") {
			continue
		}
		found++
		data, err := objects.Read(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		if !other {
			if err := objects.Delete(ctx, name); err != nil {
				t.Fatal(err)
			}
			continue
		}
		subject := fmt.Sprintf("%s.c.%s.%.16x.1", j.Names().ValuesPrefix(), name, sha256.Sum256(data))
		if err := r.Conn.PurgeSubject(ctx, j.Names().Values(), subject); err != nil {
			t.Fatal(err)
		}
		pub, err := r.Conn.NewPublisher()
		if err != nil {
			t.Fatal(err)
		}
		defer pub.Close()
		if out := pub.PutSync(ctx, bus.Put{Subject: subject, Data: []byte(strings.Repeat("y", len(data)-512<<10))}); out.Err != nil {
			t.Fatal(out.Err)
		}
	}
	if found == 0 {
		t.Fatal("no large value of step up is stored")
	}
}
