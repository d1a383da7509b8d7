package tap

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus"
)

// Defaults of [Stream], and how it waits.
const (
	DefaultHeartbeat = 15 * time.Second
	DefaultWriteWait = 10 * time.Second
	lookEvery        = 200 * time.Millisecond // whether the job still moves
	drainWithin      = 2 * time.Second        // for what is on its way when it does not any more
)

// Stream says how much of a tap is shown, and how.
type Stream struct {
	Records   int           // at most; 0: no bound
	For       time.Duration // at most MaxFor, which 0 is
	Heartbeat time.Duration // the longest silence; 0: DefaultHeartbeat
	WriteWait time.Duration // how long the reader may not take what is written; 0: DefaultWriteWait
}

func (s *Stream) fill() {
	if s.Records <= 0 {
		s.Records = math.MaxInt
	}
	if s.For <= 0 || s.For > MaxFor {
		s.For = MaxFor
	}
	if s.Heartbeat == 0 {
		s.Heartbeat = DefaultHeartbeat
	}
	if s.WriteWait == 0 {
		s.WriteWait = DefaultWriteWait
	}
}

// Write answers a request with what passes, as lines that are each a coordinator.TapLine, and
// closes the tap. It returns when the last is written, or the reader is gone or takes nothing; its
// error says only why it was cut off. Who asks with HEAD gets the header, at once.
func (t *Tap) Write(w http.ResponseWriter, r *http.Request, s Stream) error {
	defer t.Close()
	s.fill()
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // proxies pass each line on at once
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	out := newWriter(w, s.WriteWait, time.Now().Add(s.For+s.WriteWait))
	out.line(coordinator.TapLine{Start: t.points})
	out.flush()
	ctx, cancel := context.WithTimeout(r.Context(), s.For)
	defer cancel()
	shown := coordinator.TapEnd{}
	for shown.Why == "" && out.err == nil {
		shown.Why = t.wait(ctx, out, s.Heartbeat)
		t.missed()
		if shown.Why == coordinator.TapJobOver || shown.Why == coordinator.TapAtRest {
			t.drain(ctx)
		}
		t.show(ctx, out, &shown, s.Records)
	}
	if out.err != nil {
		return out.err
	}
	if shown.Why != coordinator.TapRecords { // of what was shown
		t.rest(out, &shown)
	}
	shown.Text = t.why(&shown)
	out.line(coordinator.TapLine{End: &shown})
	out.flush()
	return out.err
}

// wait returns when there is something to show, or, with the reason, when nothing comes any more.
func (t *Tap) wait(ctx context.Context, out *writer, quiet time.Duration) coordinator.TapReason {
	look, beat := time.NewTicker(lookEvery), time.NewTimer(quiet)
	defer look.Stop()
	defer beat.Stop()
	for out.err == nil {
		select {
		case <-t.queue.news:
			return ""
		case <-look.C:
			if why := t.look(); why != "" {
				return why
			}
			t.missed()
		case <-beat.C:
			out.line(coordinator.TapLine{Heartbeat: time.Now().UTC()})
			out.flush()
			beat.Reset(quiet)
		case <-t.taps.over:
			return coordinator.TapClosed
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return coordinator.TapClosed // the reader is gone, or told to ask another coordinator
			}
			return coordinator.TapTime
		}
	}
	return coordinator.TapClosed
}

// look says why nothing passes any more, "" where something may.
func (t *Tap) look() coordinator.TapReason {
	j, err := t.taps.cfg.Jobs.Job(t.job)
	if err != nil {
		return coordinator.TapJobOver // it was deleted
	}
	if t.awake = t.awake || !j.State.AtRest(); t.awake && j.State.AtRest() && !j.State.Final() {
		return coordinator.TapAtRest
	}
	return over(&j)
}

// show writes what waits, until as many records are shown as are wanted, or ctx ends.
func (t *Tap) show(ctx context.Context, out *writer, shown *coordinator.TapEnd, most int) {
	for out.err == nil && ctx.Err() == nil && shown.Records < most {
		i, ok := t.queue.take()
		if !ok {
			break
		}
		if i.data != nil {
			var n int
			n, i.gap = t.lines(ctx, out, &i, most-shown.Records)
			shown.Records += n
		}
		out.gap(i.gap, shown)
	}
	if shown.Records >= most {
		shown.Why = coordinator.TapRecords
	}
	out.flush()
}

// rest counts what was not shown when a tap ended.
func (t *Tap) rest(out *writer, shown *coordinator.TapEnd) {
	var all coordinator.TapGap
	for i, ok := t.queue.take(); ok; i, ok = t.queue.take() {
		if i.data != nil {
			h, _, _ := bus.OpenFrame(i.data) // it was opened before
			i.gap = coordinator.TapGap{Frames: 1, Records: h.Records}
		}
		all.Add(i.gap)
	}
	out.gap(all, shown)
}

// why says to people why a tap ended.
func (t *Tap) why(end *coordinator.TapEnd) string {
	switch end.Why {
	case coordinator.TapRecords:
		return "as many records as were asked for"
	case coordinator.TapTime:
		return "the time is over"
	case coordinator.TapClosed:
		return "the coordinator ends: ask again"
	}
	if j, err := t.taps.cfg.Jobs.Job(t.job); err == nil {
		return fmt.Sprintf("job %s is %s", t.job, j.State)
	}
	return fmt.Sprintf("job %s was deleted", t.job)
}
