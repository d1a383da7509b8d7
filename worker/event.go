package worker

import (
	"errors"

	"sluice/internal/bus"
	"sluice/internal/protocol"
)

type eventKind uint8

const (
	evDeliver eventKind = iota
	evComputed
	evCommitted
	evLooked
	evPublished
	evSaved
	evRecalled
	evSealed
	evEffected
	evMarked
	evTick
	evFlag
	evCredit
	evLevels
	evInput
	evGone
	evLate
	evServed
	evSlot
	evUnseen
)

// event is something that a step's loop is told.
type event struct {
	kind   eventKind
	id     protocol.ID
	edge   int
	part   int
	result protocol.Result
	entry  *protocol.Entry
	msg    *bus.Message
	made   *made
	inst   *instance
	ck     *protocol.Checkpoint
	split  protocol.SplitState
	err    error
	seq    uint64
}

// resultOf says what an outcome of a put means to the machines. fatal is an error that
// no retry mends.
func resultOf(o bus.Outcome) (r protocol.Result, fatal error) {
	switch {
	case o.Err == nil:
		return protocol.OK, nil
	case errors.Is(o.Err, bus.ErrFull), errors.Is(o.Err, bus.ErrConflict):
		return protocol.Refused, nil
	case errors.Is(o.Err, bus.ErrStore), errors.Is(o.Err, bus.ErrTooLarge), errors.Is(o.Err, bus.ErrClosed), errors.Is(o.Err, bus.ErrNoStream):
		return protocol.Failed, o.Err
	}
	return protocol.Failed, nil
}
