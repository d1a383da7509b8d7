package nodes

import (
	"context"
	"encoding/json"

	"sluice/recipe"
)

// Processor is the behaviour of a kind that reads records. The engine calls one
// instance from one goroutine at a time; a stateless kind has an instance for each
// frame in hand and must not keep anything from one record to the next that changes
// its answers.
type Processor interface {
	// Process handles one record. What it emits must be a function of the record, the
	// settings and, for ordered kinds, of the state.
	Process(c *Call, r Record) error
}

// Stateful is what an ordered kind (Spec.Ordered) implements when it keeps anything
// from one record to the next. The state travels as snapshots and, between them, as
// deltas; both are written by the kind in any form it likes.
type Stateful interface {
	Processor
	// AppendDelta appends what changed since the last AppendDelta or AppendSnapshot.
	// Its cost must follow the change, not the whole state.
	AppendDelta(b []byte) []byte
	// AppendSnapshot appends the whole state, of at most MaxState bytes.
	AppendSnapshot(b []byte) []byte
	// Restore takes over a state: a snapshot, or no bytes for the empty one.
	Restore(snapshot []byte) error
	// Apply adds a delta to a state that was restored.
	Apply(delta []byte) error
}

// Finisher is what an ordered kind implements that emits when its input has ended.
type Finisher interface {
	// Finish is called once, after the last record; ports have ended all.
	Finish(c *Call) error
}

// PortFinisher is what a join implements that must know of the end of each input.
type PortFinisher interface {
	// FinishPort is called when the input port with that index has ended. An error
	// fails the job.
	FinishPort(c *Call, port int) error
}

// Flusher is what a sink implements that buffers.
type Flusher interface {
	// Flush makes the effects of the records of a frame happen. It is called once a
	// frame, before the frame is committed; the state that AppendDelta then writes must
	// cover them. A sink's effects must be idempotent by position: after a Restore the
	// same records come again and must leave the same result.
	Flush(ctx context.Context) error
}

// Sealer is what a sink implements whose result appears when its input has ended.
type Sealer interface {
	// Seal is called after everything was flushed and checkpointed. After a crash it may
	// be called again, on an instance restored from that checkpoint.
	Seal(ctx context.Context) error
}

// Discarder is what a sink implements that leaves something unfinished behind when its
// job ends without Seal.
type Discarder interface {
	// Discard says that the job will never go on: it removes what was written and not
	// sealed. It is called on an instance of its own, without a Restore, when no other one
	// is at work here; it may be called several times, and after a Seal it changes nothing.
	Discard(ctx context.Context) error
}

// Closer is what a node implements that holds something open. Close does not undo.
type Closer interface{ Close() error }

// Full is what an ordered kind implements that can be satisfied before its input ends
// (limit): when Full reports true, no later record changes what it emits.
type Full interface{ Full() bool }

// Split is a piece of a source's work, in the kind's own words.
type Split = json.RawMessage

// Source is the behaviour of a kind that makes records from something that can be read
// again from a given offset.
type Source interface {
	// Splits cuts the work into pieces; it is called once a job, its answer is stored, and
	// its order is the order of the records. No pieces means an empty source.
	Splits(ctx context.Context) ([]Split, error)
	// Open starts to read a piece at an offset: 0, or what Offset of an earlier reader
	// returned after a record.
	Open(ctx context.Context, split Split, offset int64) (Reader, error)
}

// Sized is what a Source implements that knows how large its splits are, for the progress
// of a job. Optional.
type Sized interface {
	// Size is the offset at the end of a split, 0 when it is not known.
	Size(split Split) int64
}

// Reader reads one split.
type Reader interface {
	// Read emits the next record (exactly one), or returns io.EOF at the end of the split. A
	// Permanent error stands for one record that is given up: Offset has passed it.
	Read(c *Call) error
	// Offset is the place after the record read last. Its meaning is the kind's own.
	Offset() int64
	Close() error
}

// Feed is the behaviour of a source that can't be read again (standard input, a
// download): the engine writes what it emits to an input log first and reads that.
type Feed interface {
	// Feed emits until the input ends. lose stands for a record that is given up (a line
	// that is too long): it becomes a dead letter and counts like a record. skip is the
	// number of records that an earlier, interrupted feed had delivered: a feed that
	// starts over leaves them out.
	Feed(ctx context.Context, skip int64, emit func(Record) error, lose func(reason error) error) error
}

// Position tells people where the record that a reader read last begins (a file and an
// offset), as dead letters carry it. Optional.
type Position interface{ Position() string }

// PortTypes are the concrete types of a node's ports.
type PortTypes struct{ In, Out []recipe.PortType }
