package worker

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"sluice/internal/bus"
	"sluice/internal/protocol"
	"sluice/nodes"
	"sluice/recipe"
)

// journal is the stored checkpoints of an ordered step: a chain of revisions, each the
// change since the one before or, now and then, the whole state. The first record of a
// revision wins, so of two owners that write one is refused: that is the fence. A state that
// is too large for a message is stored in pieces first; see pieces.go.
type journal struct {
	job   *jobRun
	step  *recipe.Step
	proc  nodes.Processor
	at    protocol.Checkpoint // where the reign begins
	since int                 // bytes of deltas behind the last snapshot, and revisionBytes for each
	size  int                 // of the last snapshot
	epoch uint64
	mine  uint64 // sequence of the revision that this reign stored last
}

// A snapshot is written instead of a delta when the deltas behind the last one have grown
// to its size: so the cost of snapshots follows what is written anyway.
const (
	snapshotBytes = 256 << 10
	revisionBytes = 512 // what a revision costs, about, besides its delta
)

// record is a revision as it is stored.
type record struct {
	epoch    uint64
	snapshot bool
	cursors  protocol.Cursors
	last     *protocol.Entry
	ref      bool // state lists the pieces that the state is stored in
	state    []byte
}

const (
	recSnapshot = 1 << iota
	recLast
	recRef
)

func (c *record) append(b []byte) []byte {
	var bits byte
	if c.snapshot {
		bits |= recSnapshot
	}
	if c.last != nil {
		bits |= recLast
	}
	if c.ref {
		bits |= recRef
	}
	b = append(b, 1, bits)
	b = binary.AppendUvarint(b, c.epoch)
	b = c.cursors.Append(b)
	if c.last != nil {
		e := c.last.Append(nil)
		b = binary.AppendUvarint(b, uint64(len(e)))
		b = append(b, e...)
	}
	return append(b, c.state...)
}

func decodeRecord(b []byte) (*record, error) {
	bad := errors.New("malformed journal record")
	if len(b) < 3 || b[0] != 1 {
		return nil, bad
	}
	c := &record{snapshot: b[1]&recSnapshot != 0, ref: b[1]&recRef != 0}
	hasLast := b[1]&recLast != 0
	b = b[2:]
	epoch, n := binary.Uvarint(b)
	if n <= 0 {
		return nil, bad
	}
	c.epoch = epoch
	var err error
	if c.cursors, b, err = protocol.DecodeCursors(b[n:]); err != nil {
		return nil, bad
	}
	if hasLast {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return nil, bad
		}
		if c.last, err = protocol.DecodeEntry(b[n : n+int(size)]); err != nil {
			return nil, err
		}
		b = b[n+int(size):]
	}
	c.state = b
	return c, nil
}

// openJournal reads the chain, restores the node's state from it, and claims the next
// revision, so that whatever an earlier owner still tries to save is refused.
func openJournal(ctx context.Context, r *jobRun, step *recipe.Step, epoch uint64, proc nodes.Processor) (*journal, error) {
	j := &journal{job: r, step: step, proc: proc, epoch: epoch}
	for try := 0; ; try++ {
		chain, rev, err := j.read(ctx)
		if err != nil {
			return nil, err
		}
		claim := record{epoch: epoch, cursors: make(protocol.Cursors, len(step.Lanes))}
		if n := len(chain); n > 0 {
			claim.cursors, claim.last = chain[n-1].cursors, chain[n-1].last
		}
		out := r.pub.PutSync(ctx, bus.Put{Subject: r.names.JournalEntry(step.ID, rev+1), Data: claim.append(nil)})
		switch {
		case out.Err == nil:
			j.mine = out.Seq
			j.at = protocol.Checkpoint{Rev: rev + 1, Cursors: claim.cursors, Last: claim.last}
			return j, j.restore(ctx, chain)
		case !errors.Is(out.Err, bus.ErrFull) && !errors.Is(out.Err, bus.ErrTimeout) || try == 100:
			return nil, fmt.Errorf("claim revision %d of the journal: %w", rev+1, out.Err)
		}
	}
}

// read returns the chain from its latest snapshot on, and the last revision.
func (j *journal) read(ctx context.Context) (chain []*record, last uint64, err error) {
	err = j.job.conn.Scan(ctx, j.job.names.Journal(), j.job.names.JournalStep(j.step.ID), 0, func(m *bus.Stored) error {
		rev := bus.LastNumber(m.Subject)
		if len(chain) > 0 && rev != last+1 {
			return nil // behind a snapshot: a latecomer's, on a revision that was purged
		}
		c, err := decodeRecord(m.Data)
		if err != nil {
			return fmt.Errorf("revision %d: %w", rev, err)
		}
		if c.snapshot {
			chain = chain[:0]
		}
		chain, last = append(chain, c), rev
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("read the journal of step %s: %w", j.step.Node, err)
	}
	return chain, last, nil
}

func (j *journal) restore(ctx context.Context, chain []*record) error {
	s, ok := j.proc.(nodes.Stateful)
	if !ok {
		return nil
	}
	var snapshot []byte
	if len(chain) > 0 && chain[0].snapshot {
		state, err := j.stateOf(ctx, chain[0])
		if err != nil {
			return err
		}
		snapshot, chain = state, chain[1:]
		j.size = len(state)
	}
	if err := j.job.guardRecords(j.step, func() error { return s.Restore(snapshot) }); err != nil {
		return fmt.Errorf("restore the state of step %s: %w", j.step.Node, err)
	}
	for _, c := range chain {
		delta, err := j.stateOf(ctx, c)
		if err != nil {
			return err
		}
		if len(delta) == 0 {
			continue
		}
		if err := j.job.guardRecords(j.step, func() error { return s.Apply(delta) }); err != nil {
			return fmt.Errorf("restore the state of step %s: %w", j.step.Node, err)
		}
		j.since += len(delta) + revisionBytes
	}
	return nil
}

// stateOf returns the state, or its change, that a record stands for.
func (j *journal) stateOf(ctx context.Context, c *record) ([]byte, error) {
	if !c.ref {
		return c.state, nil
	}
	return j.readPieces(ctx, c.state)
}

// captured is a revision that is to be saved.
type captured struct {
	record
	ready chan struct{} // closed when the pieces of a large state are stored; nil for one that is not large
	err   error         // why they are not
}

// capture takes the change of the state since the last capture, as the record of a
// checkpoint, or the whole of it where that is due and may be. The node must be at rest. A
// large state is stored in the background, until ctx ends.
func (j *journal) capture(ctx context.Context, ck *protocol.Checkpoint, whole bool) (*captured, error) {
	c := &captured{record: record{epoch: j.epoch, cursors: ck.Cursors, last: ck.Last}}
	c.snapshot = whole && j.since > max(j.size, snapshotBytes)
	if s, ok := j.proc.(nodes.Stateful); ok {
		if err := j.job.guard(j.step, func() error { j.change(s, &c.record); return nil }); err != nil {
			return nil, &failure{fmt.Errorf("node %s: %w", j.step.Node, err)}
		}
	} else if c.snapshot {
		j.since = 0
	} else {
		j.since += revisionBytes
	}
	if len(c.state) > recipe.InlineBytes {
		c.ready = make(chan struct{})
		go func() {
			defer close(c.ready)
			c.ref = true
			c.state, c.err = j.putPieces(ctx, ck.Rev, c.state)
		}()
	}
	return c, nil
}

// change takes the state's change, or all of it for a snapshot.
func (j *journal) change(s nodes.Stateful, c *record) {
	if c.snapshot {
		c.state = s.AppendSnapshot(make([]byte, 0, j.size+j.since))
		j.size, j.since = len(c.state), 0
		return
	}
	c.state = s.AppendDelta(nil)
	j.since += len(c.state) + revisionBytes
}

// save stores a captured revision, behind its pieces where it has any.
func (j *journal) save(ck *protocol.Checkpoint, c *captured, done func(seq uint64, r protocol.Result, fatal error)) {
	if c.ready == nil {
		j.put(ck, c, done)
		return
	}
	go func() { // ends with the capture's context
		if <-c.ready; c.err != nil {
			done(0, protocol.Failed, fmt.Errorf("step %s: %w", j.step.Node, c.err))
			return
		}
		j.put(ck, c, done)
	}()
}

func (j *journal) put(ck *protocol.Checkpoint, c *captured, done func(seq uint64, r protocol.Result, fatal error)) {
	subject := j.job.names.JournalEntry(j.step.ID, ck.Rev)
	j.job.pub.Put(bus.Put{Subject: subject, Data: c.append(nil)}, func(out bus.Outcome) {
		r, fatal := resultOf(out)
		done(out.Seq, r, fatal)
	})
}

// recall reads a revision back and tells whether it is the one that was to be saved:
// records carry the reign's epoch, so another owner's is another one. A revision that is
// gone lies below another owner's snapshot.
func (j *journal) recall(ctx context.Context, ck *protocol.Checkpoint, c *captured, done func(seq uint64, own bool)) {
	for {
		m, err := j.job.conn.Last(ctx, j.job.names.Journal(), j.job.names.JournalEntry(j.step.ID, ck.Rev))
		switch {
		case err == nil:
			done(m.Seq, bytes.Equal(m.Data, c.append(nil)))
			return
		case errors.Is(err, bus.ErrNotFound):
			done(0, false)
			return
		}
		if !pause(ctx, 100*time.Millisecond) {
			return
		}
	}
}

// saved is called when a revision is stored. A snapshot makes what came before needless: the
// revisions up to that before it, and their pieces. The coordinator is told no sequence of a
// later revision: a reign that is over without knowing it must not purge those of the next.
func (j *journal) saved(rev, seq uint64, c *captured) {
	before := j.mine
	if j.mine = seq; c.snapshot {
		j.job.chore(bus.Chore{Step: j.step.ID, Journal: before + 1, Revision: rev})
	}
}
