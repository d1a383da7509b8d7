package source

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"sluice/nodes"
)

// generated is a source of count records, each a function of its number alone. It is
// cut into ranges of numbers.
type generated struct {
	count *int64 // nil: without end
	emit  func(c *nodes.Call, record uint64)
}

// rangeRecords is the number of records of one range.
const rangeRecords = 1 << 20

// numberRange is a split of a generator.
type numberRange struct {
	From  int64 `json:"from"`
	Count int64 `json:"count"` // -1: without end
}

// Splits implements nodes.Source.
func (g *generated) Splits(context.Context) ([]nodes.Split, error) {
	if g.count == nil {
		return []nodes.Split{nodes.Split(`{"from":0,"count":-1}`)}, nil
	}
	step := max(rangeRecords, *g.count/maxSplits+1)
	var splits []nodes.Split
	for from := int64(0); from < *g.count; from += step {
		splits = append(splits, fmt.Appendf(nil, `{"from":%d,"count":%d}`, from, min(step, *g.count-from)))
	}
	return splits, nil
}

// Size implements nodes.Sized: offsets count records.
func (g *generated) Size(split nodes.Split) int64 {
	var r numberRange
	if json.Unmarshal(split, &r) != nil {
		return 0
	}
	return max(0, r.Count)
}

// Open implements nodes.Source. An offset counts records.
func (g *generated) Open(_ context.Context, split nodes.Split, offset int64) (nodes.Reader, error) {
	r := &numberReader{emit: g.emit, next: offset}
	if err := json.Unmarshal(split, &r.numberRange); err != nil {
		return nil, nodes.Permanentf("a split of a generator is malformed: %w", err)
	}
	return r, nil
}

type numberReader struct {
	numberRange
	next int64
	emit func(c *nodes.Call, record uint64)
}

// Read implements nodes.Reader.
func (r *numberReader) Read(c *nodes.Call) error {
	if r.Count >= 0 && r.next >= r.Count {
		return io.EOF
	}
	r.emit(c, uint64(r.From+r.next))
	r.next++
	return nil
}

// Offset implements nodes.Reader.
func (r *numberReader) Offset() int64 { return r.next }

// Close implements nodes.Reader.
func (r *numberReader) Close() error { return nil }
