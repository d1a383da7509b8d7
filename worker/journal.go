package worker

import (
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
// revision wins, so of two owners that write one is refused: that is the fence.
type journal struct {
	job   *jobRun
	step  *recipe.Step
	proc  nodes.Processor
	at    protocol.Checkpoint // where the reign begins
	since int                 // bytes of deltas behind the last snapshot
	count int                 // revisions behind the last snapshot
	size  int                 // of the last snapshot
	epoch uint64
	refs  []string            // large values that the chain names
	old   map[uint64][]string // by revision of a snapshot: those that it makes needless
}

// A snapshot is written instead of a delta when the deltas behind the last one have grown
// to its size, and at the latest after so many revisions.
const (
	snapshotBytes = 256 << 10
	snapshotEvery = 512
)

// record is a revision as it is stored.
type record struct {
	epoch    uint64
	snapshot bool
	cursors  protocol.Cursors
	last     *protocol.Entry
	ref      bool // state is the name of a large value
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
	j := &journal{job: r, step: step, proc: proc, epoch: epoch, old: map[uint64][]string{}}
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
	if err := j.job.guard(j.step, func() error { return s.Restore(snapshot) }); err != nil {
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
		if err := j.job.guard(j.step, func() error { return s.Apply(delta) }); err != nil {
			return fmt.Errorf("restore the state of step %s: %w", j.step.Node, err)
		}
		j.since += len(delta)
		j.count++
	}
	return nil
}

func (j *journal) stateOf(ctx context.Context, c *record) ([]byte, error) {
	if !c.ref {
		return c.state, nil
	}
	j.refs = append(j.refs, string(c.state))
	return j.job.value(ctx, string(c.state))
}

// capture takes the change of the state since the last capture, as the record of a
// checkpoint. The node must be at rest.
func (j *journal) capture(ck *protocol.Checkpoint) ([]byte, error) {
	c := record{epoch: j.epoch, cursors: ck.Cursors, last: ck.Last}
	if s, ok := j.proc.(nodes.Stateful); ok {
		if err := j.job.guard(j.step, func() error { j.change(s, &c); return nil }); err != nil {
			return nil, &failure{fmt.Errorf("node %s: %w", j.step.Node, err)}
		}
	} else if j.count++; j.count >= snapshotEvery {
		c.snapshot, j.count = true, 0
	}
	if c.snapshot {
		j.old[ck.Rev], j.refs = j.refs, nil
	}
	if len(c.state) > recipe.InlineBytes {
		c.ref = true
		if err := j.putLarge(&c, ck.Rev); err != nil {
			return nil, err
		}
	}
	return c.append(nil), nil
}

// change takes the state's change, or all of it.
func (j *journal) change(s nodes.Stateful, c *record) {
	if j.since > max(j.size, snapshotBytes) || j.count >= snapshotEvery {
		c.snapshot = true
		c.state = s.AppendSnapshot(nil)
		j.size, j.since, j.count = len(c.state), 0, 0
		return
	}
	c.state = s.AppendDelta(nil)
	j.since += len(c.state)
	j.count++
}

func (j *journal) putLarge(c *record, rev uint64) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	name, err := j.job.putValue(ctx, fmt.Sprintf("state%d-%d", j.step.ID, rev), c.state)
	j.refs = append(j.refs, name)
	c.state = []byte(name)
	return err
}

// save stores a captured record. Behind a stored snapshot what came before is purged.
func (j *journal) save(ck *protocol.Checkpoint, data []byte, done func(protocol.Result, error)) {
	subject := j.job.names.JournalEntry(j.step.ID, ck.Rev)
	old := j.old[ck.Rev]
	delete(j.old, ck.Rev)
	j.job.pub.Put(bus.Put{Subject: subject, Data: data}, func(out bus.Outcome) {
		r, fatal := resultOf(out)
		if r == protocol.OK && data[1]&recSnapshot != 0 {
			go j.purge(out.Seq, old)
		}
		done(r, fatal)
	})
}

// purge removes what a stored snapshot makes needless.
func (j *journal) purge(below uint64, old []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := j.job.conn.PurgeSubjectBelow(ctx, j.job.names.Journal(), j.job.names.JournalStep(j.step.ID), below)
	for _, name := range old {
		if err == nil {
			err = j.job.deleteValue(ctx, name)
		}
	}
	if err != nil {
		j.job.log.Debug("journal not purged", "step", j.step.Node, "err", err)
	}
}
