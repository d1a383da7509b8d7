package flow

import (
	"encoding/binary"

	"sluice/nodes"
)

// pairs joins two inputs by position: the k-th record of one with the k-th of the
// other. What one is ahead of the other waits in a queue, bounded by records and bytes.
type pairs struct {
	names    [2]string
	maxAhead int
	queues   [2]queue
	counts   [2]uint64 // records that came
	ended    [2]bool
	lost     bool // a record could not wait: nothing fits any more
}

// maxWaiting bounds the bytes of the records that wait.
const maxWaiting = 64 << 20

// arrive takes a record in. When it completes a pair, it returns the other half, valid
// until the next call.
func (p *pairs) arrive(port int, r nodes.Record) (other nodes.Record, paired bool, err error) {
	p.counts[port]++
	mine, theirs := &p.queues[port], &p.queues[1-port]
	switch {
	case theirs.n > 0:
		other, err = theirs.pop()
		return other, err == nil, err
	case p.ended[1-port]:
		return other, false, nil // finish tells
	case p.lost || mine.n >= p.maxAhead || mine.bytes()+r.Size() > maxWaiting:
		p.lost = true
		return other, false, nodes.Permanentf("%s is ahead of %s by more than %d records or %d MiB", p.names[port], p.names[1-port], p.maxAhead, maxWaiting>>20)
	}
	mine.push(r)
	return other, false, nil
}

// FinishPort implements nodes.PortFinisher: inputs of unequal length fail the job.
func (p *pairs) FinishPort(_ *nodes.Call, port int) error {
	p.ended[port] = true
	switch {
	case !p.ended[1-port]:
		return nil
	case p.lost:
		return nodes.Permanentf("%s had %d records and %s had %d, and one was too far ahead of the other to be paired: %d records (max_ahead) or %d MiB may wait",
			p.names[0], p.counts[0], p.names[1], p.counts[1], p.maxAhead, maxWaiting>>20)
	case p.counts[0] != p.counts[1]:
		return nodes.Permanentf("%s had %d records and %s had %d: they can't be paired", p.names[0], p.counts[0], p.names[1], p.counts[1])
	}
	return nil
}

// AppendSnapshot implements nodes.Stateful.
func (p *pairs) AppendSnapshot(b []byte) []byte { return p.appendSince(b, [2]uint64{}) }

// AppendDelta implements nodes.Stateful.
func (p *pairs) AppendDelta(b []byte) []byte {
	return p.appendSince(b, [2]uint64{p.queues[0].told, p.queues[1].told})
}

func (p *pairs) appendSince(b []byte, since [2]uint64) []byte {
	flags := byte(0)
	for i, set := range []bool{p.ended[0], p.ended[1], p.lost} {
		if set {
			flags |= 1 << i
		}
	}
	b = append(b, flags)
	for i := range p.queues {
		b = binary.AppendUvarint(b, p.counts[i])
		b = p.queues[i].appendSince(b, since[i])
	}
	return b
}

// Restore implements nodes.Stateful.
func (p *pairs) Restore(snapshot []byte) error {
	p.queues, p.counts, p.ended, p.lost = [2]queue{}, [2]uint64{}, [2]bool{}, false
	if len(snapshot) == 0 {
		return nil
	}
	return p.Apply(snapshot)
}

// Apply implements nodes.Stateful.
func (p *pairs) Apply(delta []byte) error {
	if len(delta) == 0 {
		return errState
	}
	flags, rest := delta[0], delta[1:]
	p.ended, p.lost = [2]bool{flags&1 != 0, flags&2 != 0}, flags&4 != 0
	for i := range p.queues {
		count, n := binary.Uvarint(rest)
		if n <= 0 {
			return errState
		}
		p.counts[i] = count
		var err error
		if rest, err = p.queues[i].apply(rest[n:]); err != nil {
			return err
		}
	}
	return nil
}
