package source

import (
	"errors"
	"fmt"
	"io"

	"sluice/nodes"
)

// fileReaderPiece reads one split.
type fileReaderPiece struct {
	*piece
	format string
	file   nodes.File
	stream *unpacked // nil for plain files
	cutter *cutter
	broken error // found when the piece was opened, or of the file: it stays
	over   bool  // nothing more is read
}

func (r *fileReaderPiece) start(maxBytes, offset int64) error {
	if r.Packed == packedPlain {
		in, err := openPlain(r.file, r.Start+offset, r.End)
		if err == nil {
			err = r.Head.check(r.file)
		}
		r.cutter = newCutter(in, r.format, r.title(), r.Start, offset)
		return err
	}
	if err := r.Head.check(r.file); err != nil {
		return err
	}
	r.cutter = newCutter(nil, r.format, r.title(), 0, offset)
	stream, err := unpack(r.file, r.Packed, r.Member, maxBytes)
	if err == nil {
		r.stream = stream
		r.cutter.in.Reset(stream)
		_, err = io.CopyN(io.Discard, stream, offset)
	}
	if content := (errContent{}); errors.As(err, &content) || errors.Is(err, io.EOF) {
		// The place where the content ends or breaks. An offset behind it was handed out
		// together with the error.
		r.over, r.broken = offset > 0, err
		return nil
	}
	return err
}

// Read implements nodes.Reader. When the content of a file is broken or too large, the
// rest of it is given up as one record.
func (r *fileReaderPiece) Read(c *nodes.Call) error {
	if r.over {
		return io.EOF
	}
	err := r.broken
	if err == nil {
		var record nodes.Record
		if record, err = r.cutter.next(); err == nil {
			c.Emit(record)
			return nil
		}
	}
	if content := (errContent{}); errors.As(err, &content) {
		at := r.cutter.offset
		r.over = true
		r.cutter.offset++
		if r.stream != nil {
			r.cutter.offset = r.stream.out + 1 // which start can't reach again
		}
		return nodes.Permanentf("%s: the rest of the file, from byte %d, is given up: %w", r.title(), at, err)
	}
	if errors.Is(err, io.EOF) {
		return r.end()
	}
	if !nodes.IsPermanent(err) {
		r.broken = err // the piece must be opened again
		err = fmt.Errorf("%s: %w", r.title(), err)
	}
	return err
}

// end is where a plain file must have given all that was cut of it.
func (r *fileReaderPiece) end() error {
	if missing := r.End - r.Start - r.cutter.offset; r.stream == nil && missing > 0 {
		return fmt.Errorf("%s: it became shorter by %d bytes while it was read", r.title(), missing)
	}
	return io.EOF
}

// Offset implements nodes.Reader.
func (r *fileReaderPiece) Offset() int64 { return r.cutter.offset }

// Position implements nodes.Position: where the record read last begins.
func (r *fileReaderPiece) Position() string {
	return fmt.Sprintf("%s, byte %d", r.title(), r.Start+r.cutter.last)
}

// Close implements nodes.Reader.
func (r *fileReaderPiece) Close() error {
	if r.stream != nil {
		r.stream.Close()
	}
	return r.file.Close()
}
