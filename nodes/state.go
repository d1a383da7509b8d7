package nodes

import (
	"encoding/binary"

	"sluice/recipe"
)

// MaxState is the most bytes that a snapshot of a kind may have; the largest is that of a
// dedupe that remembers ten million values. The bounds of a kind's settings must hold it,
// so that no job fails for its state.
const MaxState = 192 << 20

// AppendRecord appends a record together with its type, as states of kinds keep it.
func AppendRecord(b []byte, r Record) []byte {
	b = binary.AppendUvarint(b, uint64(len(r.typ)))
	b = append(b, r.typ...)
	batch := Batch{Type: r.typ, buf: b}
	batch.Append(r)
	return batch.buf
}

// ReadRecord reads what AppendRecord wrote, and returns what follows. The record points
// into b.
func ReadRecord(b []byte) (r Record, rest []byte, err error) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return r, nil, Permanentf("a kept record is malformed")
	}
	c := Cursor{typ: typeOf(b[size : size+int(n)]), buf: b[size+int(n):], left: 1}
	r, ok := c.Next()
	if !ok {
		return r, nil, Permanentf("a kept record is malformed")
	}
	return r, c.buf, nil
}

// typeOf is a conversion that does not allocate for the common types.
func typeOf(name []byte) recipe.Type {
	switch string(name) {
	case "bool":
		return recipe.Bool
	case "int":
		return recipe.Int
	case "float":
		return recipe.Float
	case "string":
		return recipe.String
	case "bytes":
		return recipe.Bytes
	case "json":
		return recipe.JSON
	}
	return recipe.Type(name)
}
