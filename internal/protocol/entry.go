package protocol

import (
	"encoding/binary"
	"errors"
	"fmt"

	"sluice/recipe"
)

// Verdict is what the first commit of a frame says of it.
type Verdict uint8

// The verdicts.
const (
	Run     Verdict = iota // the node saw the frame's records
	Expired                // too old at a gate
	Dropped                // shed by a gate: the edge was over its capacity
	Dead                   // the payload was damaged: its records are lost and counted
	Skipped                // nobody below wants more
)

// String returns the verdict's word.
func (v Verdict) String() string {
	return [...]string{"run", "expired", "dropped", "dead", "skipped"}[v]
}

// Entry is one commit in the ledger: what a step did with one frame. The fields up to
// EndSource describe the frame, the others what was made of it.
type Entry struct {
	Step      int
	Version   int            // of the step's kind
	Ord       recipe.Ordinal // with the lane of the step
	Parts     recipe.Parts
	EndSplit  bool
	EndSource bool

	Verdict Verdict
	In      int64      // records taken
	Dead    int64      // records given up, now dead letters
	Discard int64      // records given up under on_error: drop
	Counts  [][]uint32 // records out: by output port, by part
	Lost    uint64     // bit i: out-edge i was full and drops the newest: an empty frame goes there
	Start   int64      // source: offset before the frame
	End     int64      // source: offset after it
	Full    bool       // the step needs no more (limit)
	Done    bool       // the second entry of a frame with an effect outside; see Twice
	By      string     // the worker
	Kept    []byte     // the frames made, where they can't be made again (gates, impure kinds)
}

// Out returns the number of records that go out at a port.
func (e *Entry) Out(port int) int64 {
	var n int64
	for _, c := range e.Counts[port] {
		n += int64(c)
	}
	return n
}

// LostAt reports whether out-edge i gets an empty frame in place of the records.
func (e *Entry) LostAt(i int) bool { return e.Lost>>uint(i)&1 == 1 }

// Twice reports whether a frame has an effect that no step below confirms: what an
// arrival sink writes, and dead letters. Then a second entry, Done, behind the effect says
// that it has happened, and that one is counted.
func (e *Entry) Twice(arrival bool) bool { return arrival || e.Dead > 0 }

// LettersAtOnce is how many dead letters of a frame one message holds.
const LettersAtOnce = 64

// LetterParts returns how many messages the frame's dead letters are cut into.
func (e *Entry) LetterParts() int { return int((e.Dead + LettersAtOnce - 1) / LettersAtOnce) }

// done returns the second entry.
func (e *Entry) done() *Entry {
	d := *e
	d.Done, d.Kept = true, nil
	return &d
}

// Same reports whether two entries ask for the same frames below, and dead letters.
func (e *Entry) Same(b *Entry) bool {
	if e.Verdict != b.Verdict || e.Lost != b.Lost || e.Start != b.Start || e.End != b.End || e.EndSplit != b.EndSplit {
		return false
	}
	return e.sameMade(b)
}

// sameMade reports whether two entries count the same records and dead letters: whoever
// follows one of them by the other's frames does what it says.
func (e *Entry) sameMade(b *Entry) bool { return e.Dead == b.Dead && e.sameCounts(b) }

// sameCounts reports whether two entries have the same parts with as many records.
func (e *Entry) sameCounts(b *Entry) bool {
	if len(e.Counts) != len(b.Counts) {
		return false
	}
	for p := range e.Counts {
		if len(e.Counts[p]) != len(b.Counts[p]) {
			return false
		}
		for i := range e.Counts[p] {
			if e.Counts[p][i] != b.Counts[p][i] {
				return false
			}
		}
	}
	return true
}

const entryVersion = 2

const (
	bitEndSplit = 1 << iota
	bitEndSource
	bitFull
	bitDone
)

// Append encodes the entry at the end of dst. The step and the lane are part of it, so
// that an entry explains itself.
func (e *Entry) Append(dst []byte) []byte {
	var bits byte
	for i, b := range [...]bool{e.EndSplit, e.EndSource, e.Full, e.Done} {
		if b {
			bits |= 1 << i
		}
	}
	dst = append(dst, entryVersion, byte(e.Verdict), bits)
	dst = binary.AppendUvarint(dst, uint64(e.Step))
	dst = binary.AppendUvarint(dst, uint64(e.Version))
	dst = AppendOrdinal(dst, e.Ord)
	dst = appendBytes(dst, string(e.Parts))
	for _, v := range [...]int64{e.In, e.Dead, e.Discard, e.Start, e.End} {
		dst = binary.AppendVarint(dst, v)
	}
	dst = binary.AppendUvarint(dst, e.Lost)
	dst = binary.AppendUvarint(dst, uint64(len(e.Counts)))
	for _, parts := range e.Counts {
		dst = binary.AppendUvarint(dst, uint64(len(parts)))
		for _, c := range parts {
			dst = binary.AppendUvarint(dst, uint64(c))
		}
	}
	dst = appendBytes(dst, e.By)
	return appendBytes(dst, string(e.Kept))
}

// AppendOrdinal encodes an ordinal.
func AppendOrdinal(dst []byte, o recipe.Ordinal) []byte {
	dst = binary.AppendUvarint(dst, uint64(o.Split))
	dst = binary.AppendUvarint(dst, o.N)
	dst = binary.AppendUvarint(dst, uint64(o.Lane))
	return appendBytes(dst, o.Path)
}

func appendBytes(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// ErrEntry is wrapped by errors about bytes that are no ledger entry.
var ErrEntry = errors.New("malformed ledger entry")

// DecodeEntry decodes what Append encoded. Kept aliases b.
func DecodeEntry(b []byte) (*Entry, error) {
	if len(b) < 3 || b[0] != entryVersion || b[1] > byte(Skipped) {
		return nil, ErrEntry
	}
	e := &Entry{Verdict: Verdict(b[1])}
	e.EndSplit, e.EndSource = b[2]&bitEndSplit != 0, b[2]&bitEndSource != 0
	e.Full, e.Done = b[2]&bitFull != 0, b[2]&bitDone != 0
	d := decoder{b: b[3:]}
	e.Step = int(d.uint(1 << 20))
	e.Version = int(d.uint(1<<31 - 1))
	e.Ord = d.ordinal()
	e.Parts = recipe.Parts(d.path())
	for _, p := range [...]*int64{&e.In, &e.Dead, &e.Discard, &e.Start, &e.End} {
		*p = d.int()
	}
	e.Lost = d.uint(1<<64 - 1)
	e.Counts = make([][]uint32, d.uint(64))
	for i := range e.Counts {
		e.Counts[i] = make([]uint32, d.uint(recipe.MaxParts))
		for k := range e.Counts[i] {
			e.Counts[i][k] = uint32(d.uint(1<<32 - 1))
		}
	}
	e.By = string(d.bytes())
	e.Kept = d.bytes()
	if d.bad || len(d.b) != 0 {
		return nil, fmt.Errorf("%w of %d bytes", ErrEntry, len(b))
	}
	if len(e.Kept) == 0 {
		e.Kept = nil
	}
	return e, nil
}

type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) uint(limit uint64) uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || v > limit {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) bytes() []byte {
	n := d.uint(uint64(len(d.b)))
	if n > uint64(len(d.b)) {
		d.bad, d.b = true, nil
		return nil
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}

// path decodes a part path: two bytes a level.
func (d *decoder) path() string {
	b := d.bytes()
	if len(b)%2 != 0 {
		d.bad, d.b = true, nil
	}
	return string(b)
}

func (d *decoder) ordinal() recipe.Ordinal {
	return recipe.Ordinal{
		Split: uint32(d.uint(1<<32 - 1)), N: d.uint(1<<64 - 1), Lane: uint16(d.uint(1<<16 - 1)), Path: d.path(),
	}
}
