package nodes

import (
	"encoding/binary"
	"math"

	"sluice/recipe"
)

// Record is one value on an edge. Its bytes may point into a frame: they are valid
// until Process returns, and must not be changed.
type Record struct {
	typ recipe.Type
	num uint64
	raw []byte
}

// StringRecord returns a record of type string. It does not copy b.
func StringRecord(b []byte) Record { return Record{typ: recipe.String, raw: b} }

// TextRecord returns a record of type string.
func TextRecord(s string) Record { return Record{typ: recipe.String, raw: []byte(s)} }

// BytesRecord returns a record of type bytes. It does not copy b.
func BytesRecord(b []byte) Record { return Record{typ: recipe.Bytes, raw: b} }

// JSONRecord returns a record of type json from one JSON text without white space
// around it. It neither copies nor checks the text.
func JSONRecord(b []byte) Record { return Record{typ: recipe.JSON, raw: b} }

// BoolRecord returns a record of type bool.
func BoolRecord(v bool) Record {
	if v {
		return Record{typ: recipe.Bool, num: 1}
	}
	return Record{typ: recipe.Bool}
}

// IntRecord returns a record of type int.
func IntRecord(v int64) Record { return Record{typ: recipe.Int, num: uint64(v)} }

// FloatRecord returns a record of type float.
func FloatRecord(v float64) Record { return Record{typ: recipe.Float, num: math.Float64bits(v)} }

// Type returns the record's concrete type.
func (r Record) Type() recipe.Type { return r.typ }

// Bool returns the value of a bool record.
func (r Record) Bool() bool { return r.num != 0 }

// Int returns the value of an int record.
func (r Record) Int() int64 { return int64(r.num) }

// Float returns the value of a float record.
func (r Record) Float() float64 { return math.Float64frombits(r.num) }

// Bytes returns the raw bytes of a string, bytes or json record, valid until
// Process returns.
func (r Record) Bytes() []byte { return r.raw }

// Text returns a copy of the bytes of a string, bytes or json record.
func (r Record) Text() string { return string(r.raw) }

// Size returns the bytes that the record takes in a frame, without its length.
func (r Record) Size() int {
	if r.raw != nil {
		return len(r.raw)
	}
	return 8
}

// Clone returns a record that stays valid after Process returns.
func (r Record) Clone() Record {
	if r.raw != nil {
		r.raw = append([]byte{}, r.raw...)
	}
	return r
}

// Batch is a run of records of one type in the form in which frames carry them:
// strings, bytes, json and lists as a length (uvarint) and the bytes, bool as one byte,
// int as a zigzag varint, float as eight bytes, little endian. A batch of type number,
// which only a column operation makes, says before each record which of the two it is.
type Batch struct {
	Type recipe.Type
	n    int
	buf  []byte
}

// LoadBatch returns the batch of n records that buf holds. It does not copy buf.
func LoadBatch(t recipe.Type, n int, buf []byte) Batch { return Batch{Type: t, n: n, buf: buf} }

// Len returns the number of records.
func (b *Batch) Len() int { return b.n }

// Encoded returns the records' encoding, valid until the next Append or Reset.
func (b *Batch) Encoded() []byte { return b.buf }

// Reset empties the batch and keeps its buffer.
func (b *Batch) Reset() { b.n, b.buf = 0, b.buf[:0] }

// Truncate takes the batch back to n records that took size bytes.
func (b *Batch) Truncate(n, size int) { b.n, b.buf = n, b.buf[:size] }

// AppendEncoded copies n records of the batch's type that are encoded already.
func (b *Batch) AppendEncoded(n int, encoded []byte) {
	b.n += n
	b.buf = append(b.buf, encoded...)
}

// Append copies a record to the end of the batch. The record must have its type.
func (b *Batch) Append(r Record) {
	b.n++
	typ := b.Type
	if typ == recipe.Number {
		typ = r.typ
		b.buf = append(b.buf, typ[0])
	}
	switch typ {
	case recipe.Bool:
		b.buf = append(b.buf, byte(r.num))
	case recipe.Int:
		b.buf = binary.AppendVarint(b.buf, int64(r.num))
	case recipe.Float:
		b.buf = binary.LittleEndian.AppendUint64(b.buf, r.num)
	default:
		b.buf = binary.AppendUvarint(b.buf, uint64(len(r.raw)))
		b.buf = append(b.buf, r.raw...)
	}
}

// Cursor reads the records of a batch one after the other.
type Cursor struct {
	typ  recipe.Type
	buf  []byte
	left int
	bad  bool
}

// Cursor returns a cursor at the batch's first record.
func (b *Batch) Cursor() Cursor { return Cursor{typ: b.Type, buf: b.buf, left: b.n} }

// Rest returns what the cursor has not read yet, as encoded.
func (c *Cursor) Rest() (n int, buf []byte) { return c.left, c.buf }

// Bad reports whether the cursor ended at malformed bytes.
func (c *Cursor) Bad() bool { return c.bad }

// Next returns the next record, and false at the end or at malformed bytes.
func (c *Cursor) Next() (Record, bool) {
	if c.left == 0 {
		c.bad = c.bad || len(c.buf) != 0
		return Record{}, false
	}
	c.left--
	r := Record{typ: c.typ}
	if c.typ == recipe.Number {
		switch {
		case len(c.buf) > 0 && c.buf[0] == recipe.Int[0]:
			r.typ = recipe.Int
		case len(c.buf) > 0 && c.buf[0] == recipe.Float[0]:
			r.typ = recipe.Float
		default:
			return c.fail()
		}
		c.buf = c.buf[1:]
	}
	switch r.typ {
	case recipe.Bool:
		if len(c.buf) < 1 || c.buf[0] > 1 {
			return c.fail()
		}
		r.num, c.buf = uint64(c.buf[0]), c.buf[1:]
	case recipe.Int:
		v, n := binary.Varint(c.buf)
		if n <= 0 {
			return c.fail()
		}
		r.num, c.buf = uint64(v), c.buf[n:]
	case recipe.Float:
		if len(c.buf) < 8 {
			return c.fail()
		}
		r.num, c.buf = binary.LittleEndian.Uint64(c.buf), c.buf[8:]
	default:
		v, n := binary.Uvarint(c.buf)
		if n <= 0 || v > uint64(len(c.buf)-n) {
			return c.fail()
		}
		end := n + int(v)
		r.raw, c.buf = c.buf[n:end:end], c.buf[end:]
	}
	return r, true
}

func (c *Cursor) fail() (Record, bool) {
	c.left, c.buf, c.bad = 0, nil, true
	return Record{}, false
}
