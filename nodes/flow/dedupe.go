package flow

import (
	"crypto/sha256"
	"encoding/binary"

	"sluice/nodes"
)

var dedupeKind = nodes.Define(nodes.Spec{
	Kind:     "dedupe",
	Category: "flow",
	Summary:  "Passes each value once",
	Doc: "Values are the same when their text forms are. Of more than `max_keys` values, the one that came first is " +
		"forgotten, and passes again. Memory: about 60 bytes a value.",
	Role: nodes.Ordered,
	In:   []nodes.Port{{Name: "in", Type: "T", Doc: "anything"}},
	Out:  []nodes.Port{{Name: "out", Type: "T", Doc: "the first of each value"}},
	Examples: []nodes.Example{
		{In: []any{"a", "b", "a", "", "a", ""}, Out: []any{"a", "b", ""}},
		{Doc: "A short memory", Config: "max_keys: 1", In: []any{1, 1, 2, 1}, Out: []any{1, 2, 1}},
		{
			Doc: "By a field", Field: "user",
			In:  []any{nodes.JSON(`{"user":"eve","n":1}`), nodes.JSON(`{"user":"eve","n":2}`), nodes.JSON(`{"user":"bob","n":3}`)},
			Out: []any{nodes.JSON(`{"user":"eve","n":1}`), nodes.JSON(`{"user":"bob","n":3}`)},
		},
	},
}, newDedupe)

// The most keys take 153 MiB of state, which nodes.MaxState has room for.
type dedupeConfig struct {
	MaxKeys int `json:"max_keys" doc:"how many values are remembered" default:"1000000" min:"1" max:"10000000"`
}

// digest stands for a value: half of its SHA-256, so that nobody can make two that
// collide.
type digest [16]byte

type dedupe struct {
	max   int
	known map[digest]struct{}
	ring  []digest // the known ones, by age: the oldest at total % max once it is full
	total uint64   // values ever remembered
	told  uint64
	text  []byte
}

func newDedupe(c dedupeConfig, _ *nodes.Env) (any, error) {
	return &dedupe{max: c.MaxKeys, known: map[digest]struct{}{}}, nil
}

// Process implements nodes.Processor.
func (d *dedupe) Process(c *nodes.Call, r nodes.Record) error {
	d.text = nodes.AppendText(d.text[:0], r)
	sum := sha256.Sum256(d.text)
	key := digest(sum[:16])
	if _, again := d.known[key]; again {
		return nil
	}
	d.add(key)
	c.Emit(r)
	return nil
}

func (d *dedupe) add(key digest) {
	if len(d.ring) < d.max {
		d.ring = append(d.ring, key)
	} else {
		oldest := &d.ring[d.total%uint64(d.max)]
		delete(d.known, *oldest)
		*oldest = key
	}
	d.known[key] = struct{}{}
	d.total++
}

// AppendDelta implements nodes.Stateful: the new values.
func (d *dedupe) AppendDelta(b []byte) []byte { return d.appendSince(b, d.told) }

// AppendSnapshot implements nodes.Stateful.
func (d *dedupe) AppendSnapshot(b []byte) []byte { return d.appendSince(b, 0) }

func (d *dedupe) appendSince(b []byte, since uint64) []byte {
	count := min(d.total-since, uint64(len(d.ring)))
	b = binary.AppendUvarint(b, d.total)
	for i := d.total - count; i < d.total; i++ {
		b = append(b, d.ring[i%uint64(d.max)][:]...)
	}
	d.told = d.total
	return b
}

// Restore implements nodes.Stateful.
func (d *dedupe) Restore(snapshot []byte) error {
	d.forget(0)
	if len(snapshot) == 0 {
		return nil
	}
	return d.Apply(snapshot)
}

// forget empties the memory, of which total values are said to have gone through.
func (d *dedupe) forget(total uint64) {
	d.known, d.ring, d.total, d.told = map[digest]struct{}{}, nil, total, total
}

// Apply implements nodes.Stateful.
func (d *dedupe) Apply(delta []byte) error {
	total, n := binary.Uvarint(delta)
	if n <= 0 || (len(delta)-n)%len(digest{}) != 0 {
		return errState
	}
	keys := delta[n:]
	count := uint64(len(keys) / len(digest{}))
	if d.total+count != total {
		if count != uint64(d.max) || total < count {
			return errState
		}
		// All that was known is replaced; the ring is turned so that ages fall into place.
		d.forget(0)
		d.ring = make([]digest, d.max)
		d.total = total - count
	}
	for ; len(keys) > 0; keys = keys[len(digest{}):] {
		d.add(digest(keys[:len(digest{})]))
	}
	d.told = d.total
	return nil
}
