package tap

import (
	"context"
	"encoding/base64"
	"time"
	"unicode/utf8"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/nodes"
	"sluice/recipe"
)

// readWithin bounds the reading of a record that travels by reference.
const readWithin = 5 * time.Second

// payload returns the records of a frame as they are encoded. What is damaged, gone, or one too
// many of the large ones in hand is not to be had. done gives back what it holds.
func (t *Tap) payload(ctx context.Context, data []byte) (h bus.Header, records []byte, done func(), ok bool) {
	h, records, err := bus.DecodeFrame(data)
	if err != nil || !h.Ref {
		return h, records, func() {}, err == nil
	}
	select {
	case t.taps.large <- struct{}{}:
	default:
		return h, nil, nil, false
	}
	done = func() { <-t.taps.large }
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	if records, err = t.values.Read(ctx, string(records)); err != nil {
		done()
		return h, nil, nil, false
	}
	return h, records, done, true
}

// lines writes the records of a frame as lines, at most so many. It returns how many, and what of
// the frame could not be read.
func (t *Tap) lines(ctx context.Context, out *writer, i *item, most int) (n int, left coordinator.TapGap) {
	h, records, done, ok := t.payload(ctx, i.data)
	if !ok {
		return 0, coordinator.TapGap{Frames: 1, Records: h.Records}
	}
	defer done()
	lead := []byte(`{"record":`)
	if len(t.points) > 1 {
		lead = append(nodes.AppendQuoted([]byte(`{"from":`), []byte(t.points[i.point].Name)), `,"record":`...)
	}
	batch := nodes.LoadBatch(h.Type, h.Records, records)
	cur := batch.Cursor()
	var line []byte
	for n < most && out.err == nil {
		r, ok := cur.Next()
		if !ok {
			break
		}
		line = append(appendValue(append(line[:0], lead...), r), "}\n"...)
		out.write(line)
		n++
	}
	if cur.Bad() {
		left = coordinator.TapGap{Frames: 1, Records: h.Records - n}
	}
	return n, left
}

// appendValue appends a record as a line of results has it: what JSON can say as it is, text that
// is not UTF-8 as an object with its bytes, a number that is none as text.
func appendValue(dst []byte, r nodes.Record) []byte {
	before := len(dst)
	dst, err := nodes.AppendJSON(dst, r)
	switch {
	case err == nil:
		return dst
	case r.Type() == recipe.Float:
		return nodes.AppendQuoted(dst[:before], nodes.AppendText(nil, r))
	}
	raw := r.Bytes()
	if utf8.Valid(raw) { // it is not known why JSON can't say it
		return nodes.AppendQuoted(dst[:before], raw)
	}
	dst = append(dst[:before], `{"base64":"`...)
	return append(base64.StdEncoding.AppendEncode(dst, raw), `"}`...)
}
