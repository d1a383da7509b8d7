package worker

import (
	"context"
	"time"

	"sluice/internal/protocol"
)

// cutInSlot cuts a frame when there is a slot for it. The loop does not wait for that: it goes
// on with the frames that were cut before, and whoever grants the slot posts evSlot.
func (a *attempt) cutInSlot(ctx context.Context, act *protocol.Action) error {
	if a.slot == nil {
		t, now := a.slots.ask(func() { a.box.post(event{kind: evSlot}) })
		if a.slot = t; now {
			return a.cutNow(ctx, act)
		}
	}
	due := *act
	a.due, a.waits = &due, true
	return nil
}

// cutDue cuts the frame that waited for the slot, if it is still wanted.
func (a *attempt) cutDue() error {
	due := a.due
	a.due = nil
	if due == nil {
		a.leave()
		return nil
	}
	a.waits = false
	return a.cutNow(a.ctx, due)
}

func (a *attempt) cutNow(ctx context.Context, act *protocol.Action) error {
	defer a.leave()
	return a.cutFrame(ctx, act)
}

// leave gives the slot back.
func (a *attempt) leave() {
	a.slot.done()
	a.slot = nil
}

// rest pauses without the slot, and reports whether the attempt works again.
func (a *attempt) rest(ctx context.Context, d time.Duration) bool {
	if a.slot == nil {
		return pause(ctx, d)
	}
	a.leave()
	if !pause(ctx, d) {
		return false
	}
	t, err := a.slots.wait(ctx)
	a.slot = t
	return err == nil
}
