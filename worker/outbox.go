package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"sluice/internal/bus"
	"sluice/internal/protocol"
	"sluice/recipe"
)

// outbox is what the loops of all roles share: the frames in hand, and the carrying out
// of commits, publishes and acknowledgements.
type outbox struct {
	job   *jobRun
	step  *recipe.Step
	box   *mailbox
	hand  map[protocol.ID]*inHand
	ports []int    // output port of each out-edge
	to    []string // subject of each out-edge
	cut   cutter
	late  lateAcks
	ctx   context.Context // of the loop that runs
}

// inHand is a frame that a loop holds.
type inHand struct {
	msg     *bus.Message // nil for frames that a source cut
	edge    int          // index of the in-edge
	header  bus.Header   // on the step's own lane
	payload bus.Payload
	made    *made
	follow  *protocol.Entry // the entry that must be followed
	inst    *instance       // of an arrival sink: holds the records until their effect
	size    int64           // bytes of the frame, or of the value that it names
	kept    int64           // those that are in memory
	away    bool            // the payload is only in the stream
}

func newOutbox(r *jobRun, s *recipe.Step) outbox {
	o := outbox{job: r, step: s, box: newMailbox(), hand: map[protocol.ID]*inHand{}, cut: cutter{run: r, step: s}}
	for _, id := range s.Out {
		e := r.plan.Edge(id)
		o.ports = append(o.ports, e.FromPort)
		o.to = append(o.to, r.names.Fill(e.Subject))
	}
	return o
}

func (o *outbox) now() time.Duration { return o.job.now() }

// open reads the header of a message that arrived on an in-edge. The payload is unpacked
// where it is used: not in the loop, and into room that is there.
func (o *outbox) open(e *recipe.Edge, msg *bus.Message) (*inHand, protocol.Frame, error) {
	h, payload, err := bus.OpenFrame(msg.Data)
	bad := errors.Is(err, bus.ErrPayload)
	if err != nil && !bad {
		return nil, protocol.Frame{}, &failure{fmt.Errorf("edge %s: a frame's header is damaged: %w", e.ID, err)}
	}
	h.Lane += uint16(e.LaneBase)
	if int(h.Lane) >= len(o.step.Lanes) {
		return nil, protocol.Frame{}, &failure{fmt.Errorf("edge %s: a frame came on lane %d of %d", e.ID, h.Lane, len(o.step.Lanes))}
	}
	if bad {
		o.job.log.Warn("a frame's payload is damaged", "edge", e.ID, "step", o.step.Node, "frame", h.Ordinal().String())
	}
	if msg.Delivered > 1 {
		o.job.log.Debug("a frame is delivered again", "edge", e.ID, "step", o.step.Node, "frame", h.Ordinal().String(), "deliveries", msg.Delivered, "stored", msg.Stored)
	}
	f := protocol.Frame{Ord: h.Ordinal(), Parts: h.Parts, EndSplit: h.EndSplit, EndSource: h.EndSource, Records: int64(h.Records),
		Bad: bad, Age: o.job.conn.Age(msg.Stored), Seq: msg.Seq}
	return &inHand{msg: msg, header: h, payload: payload}, f, nil
}

// commit writes an entry to the ledger.
func (o *outbox) commit(id protocol.ID, e *protocol.Entry) error {
	if err := o.job.died(BeforeCommit, o.step); err != nil {
		return err
	}
	e.Step, e.Version, e.By = o.step.ID, o.step.Version, o.job.w.cfg.Name
	frames, records, dead := measure(o.step.Role, e)
	o.job.pub.Put(bus.Put{Subject: o.job.names.LedgerEntry(o.step.Lanes[e.Ord.Lane].Source, e.Step, e.Ord, e.Done), Data: e.Append(nil)}, func(out bus.Outcome) {
		r, fatal := resultOf(out)
		o.meterEntry(frames, records, dead, r)
		o.box.post(event{kind: evCommitted, id: id, result: r, err: fatal})
	})
	return o.job.died(AfterCommit, o.step)
}

// mark reads the job's mark and tells whether a frame is below it: then everybody is done
// with the frame, and whoever comes late has nothing to do.
func (o *outbox) mark(ctx context.Context, id protocol.ID, ord recipe.Ordinal) {
	go func() {
		for {
			below, err := o.job.below(ctx, o.step.Lanes[ord.Lane].Source, ord)
			if err == nil || gone(err) {
				r := protocol.Refused
				if below {
					r = protocol.OK
				}
				o.box.post(event{kind: evMarked, id: id, result: r, err: err})
				return
			}
			if !pause(ctx, 100*time.Millisecond) {
				return
			}
		}
	}()
}

// lookup reads the entry that won.
func (o *outbox) lookup(ctx context.Context, id protocol.ID, ord recipe.Ordinal) {
	go func() {
		for {
			e, err := o.job.lookup(ctx, o.step, ord)
			if f := (*failure)(nil); err == nil || gone(err) || errors.As(err, &f) || ctx.Err() != nil {
				o.box.post(event{kind: evLooked, id: id, entry: e, err: err})
				return
			}
			if !pause(ctx, 100*time.Millisecond) {
				return
			}
		}
	}()
}

// publish puts one part of a frame on one edge, or the frame's dead letters.
func (o *outbox) publish(a *protocol.Action) error {
	if err := o.job.died(BeforePublish, o.step); err != nil {
		return err
	}
	h := o.hand[a.ID]
	id, edge, part := a.ID, a.Edge, a.Part
	put := bus.Put{}
	if edge == protocol.DeadLetters {
		if !o.job.dead.Load() {
			go o.firstLetter(id, part)
			return nil
		}
		if n := int64(len(h.made.dead)); n != a.Entry.Dead {
			return &failure{fmt.Errorf("node %s has %d dead letters of frame %s, and the ledger counts %d", o.step.Node, n, h.header.Ordinal(), a.Entry.Dead)}
		}
		put.Subject = o.job.names.DeadLetters(bus.DeadKey{Step: o.step.ID, Ord: h.header.Ordinal(), Part: part})
		put.Data = deadData(lettersOf(h.made.dead, part))
	} else {
		parts := h.made.ports[o.ports[edge]]
		hp := partHeader(&h.header, len(parts), part)
		put.Subject, put.Data = o.to[edge], parts[part]
		put.MsgID = string(o.step.Out[edge]) + "-" + hp.Ordinal().String()
		if a.Entry.LostAt(edge) {
			put.Data = emptyFrame(&hp, o.step.Outputs[o.ports[edge]].Type)
		}
	}
	o.job.pub.Put(put, func(out bus.Outcome) {
		r, fatal := resultOf(out)
		if edge == protocol.DeadLetters && r == protocol.Refused { // there already
			r = protocol.OK
		}
		if r == protocol.Refused {
			o.job.meter().Full(o.step.Kind)
		}
		o.box.post(event{kind: evPublished, id: id, edge: edge, part: part, result: r, err: fatal})
	})
	return o.job.died(AfterPublish, o.step)
}

// firstLetter has the stream of dead letters made, and then the letters published once more. That
// there is none yet can't be learnt from a publish: whoever listens to its subject hides it.
func (o *outbox) firstLetter(id protocol.ID, part int) {
	err := o.job.need(o.ctx, bus.LaterDead)
	switch {
	case err == nil:
		o.job.dead.Store(true)
	case o.ctx.Err() != nil:
		err = nil // the loop is over, whatever came of it
	}
	o.box.post(event{kind: evPublished, id: id, edge: protocol.DeadLetters, part: part, result: protocol.Failed, err: err})
}

// partHeader returns the header of part i of k.
func partHeader(h *bus.Header, k, i int) bus.Header {
	hp := *h
	if k > 1 {
		hp.Parts = h.Parts.Append(i, i == k-1)
	}
	return hp
}

// lettersOf returns the letters of part k of a frame's.
func lettersOf(all []bus.DeadLetter, k int) []bus.DeadLetter {
	from := min(k*protocol.LettersAtOnce, len(all))
	return all[from:min(from+protocol.LettersAtOnce, len(all))]
}

// deadData is the stored form of dead letters: a JSON line each.
func deadData(letters []bus.DeadLetter) []byte {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for i := range letters {
		_ = enc.Encode(&letters[i])
	}
	return []byte(b.String())
}

// ack acknowledges a frame's message and forgets the frame.
func (o *outbox) ack(id protocol.ID) error {
	if err := o.job.died(BeforeAck, o.step); err != nil {
		return err
	}
	if h := o.hand[id]; h != nil && h.msg != nil {
		o.late.ack(h.edge, h.msg)
	}
	delete(o.hand, id)
	return nil
}

// wake posts a tick after d.
func (o *outbox) wake(d time.Duration) {
	time.AfterFunc(d, func() { o.box.post(event{kind: evTick}) })
}
