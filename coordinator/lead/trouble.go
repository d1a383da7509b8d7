package lead

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/recipe"
)

// Bounds of what is told of a job's trouble.
const (
	troubleEvery = time.Second     // between two events; what comes meanwhile is counted
	troubleNodes = 8               // nodes that one event after another tells of, at the end of a run
	reasonWithin = 2 * time.Second // to read why a record was given up
	maxReason    = 500             // bytes of it
)

// trouble tells of what goes wrong in a job that survives it: the records that its nodes give up,
// and faults of the leader's own.
type trouble struct {
	r *runner

	mu    sync.Mutex
	told  []int64   // records given up by step, as they were told; nil before the first look; guarded by mu
	faced int64     // faults of the leader that were not told; guarded by mu
	last  time.Time // of the last event; guarded by mu
}

// look compares what a job has done with what was told. At its end all is told that is left.
func (t *trouble) look(ctx context.Context, p *recipe.Progress, end bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.told == nil {
		t.told = make([]int64, len(p.Steps))
		for i := range p.Earlier { // another run has told of those
			if i < len(t.told) {
				t.told[i] = p.Earlier[i].Dead
			}
		}
	}
	left := 1
	if end {
		left = troubleNodes
	}
	for i := range p.Steps {
		if i >= len(t.told) {
			t.told = append(t.told, 0)
		}
		news := p.Steps[i].Dead - t.told[i]
		if news <= 0 {
			continue
		}
		if left == 0 || !end && time.Since(t.last) < troubleEvery {
			return
		}
		left--
		t.told[i], t.last = p.Steps[i].Dead, time.Now()
		text := "a record was given up"
		if news > 1 {
			text = fmt.Sprintf("%d records were given up", news)
		}
		if why := t.reason(ctx, i); why != "" {
			text += ": " + why
		}
		t.emit(coordinator.Event{Node: p.Steps[i].Node, Text: text, Data: map[string]int64{"dead": news, "total": p.Steps[i].Dead}})
	}
}

// reason reads why the record was given up that a step gave up last; "" where that is not to be
// read now. Workers keep secrets out of it.
func (t *trouble) reason(ctx context.Context, step int) string {
	ctx, cancel := context.WithTimeout(ctx, reasonWithin)
	defer cancel()
	names := bus.Names{Job: t.r.id}
	m, err := t.r.d.p.Conn.Last(ctx, names.Dead(), names.DeadStep(step))
	if err != nil {
		return ""
	}
	var last bus.DeadLetter
	for dec := json.NewDecoder(bytes.NewReader(m.Data)); dec.More(); {
		if err := dec.Decode(&last); err != nil {
			return ""
		}
	}
	if len(last.Reason) > maxReason {
		last.Reason = strings.ToValidUTF8(last.Reason[:maxReason], "") + "…"
	}
	return last.Reason
}

// fault tells that the leader itself had to begin again.
func (t *trouble) fault(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.faced++; time.Since(t.last) < troubleEvery {
		return
	}
	text := "the coordinator tries again: " + err.Error()
	if t.faced > 1 {
		text = fmt.Sprintf("%s (%d times by now)", text, t.faced)
	}
	t.last = time.Now()
	t.emit(coordinator.Event{Text: text, Data: map[string]int64{"faults": t.faced}})
	t.faced = 0
}

func (t *trouble) emit(e coordinator.Event) {
	e.Job, e.Type, e.Level, e.At = t.r.id, coordinator.EventError, coordinator.LevelWarning, time.Now().UTC()
	t.r.d.p.Events.Emit(e)
}
