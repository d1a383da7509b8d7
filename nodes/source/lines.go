package source

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"sluice/nodes"
	"sluice/recipe"
)

// The formats in which bytes become records.
const (
	formatLines     = "lines"
	formatText      = "text"
	formatJSONLines = "json_lines"
)

// keepBuffer is the size up to which a buffer for long lines is kept for the next one.
const keepBuffer = 1 << 20

// cutter makes records of a stream of bytes. It holds one record at a time.
type cutter struct {
	in     *bufio.Reader
	format string
	name   string // of the stream, for messages
	base   int64  // offset of the stream's start in the whole, for messages
	offset int64  // behind the record read last
	last   int64  // where the record read last begins
	long   []byte // what did not fit in the buffer of in
	limit  int
}

func newCutter(r io.Reader, format, name string, base, offset int64) *cutter {
	return &cutter{in: bufio.NewReaderSize(r, 64<<10), format: format, name: name, base: base, offset: offset, limit: recipe.MaxRecord}
}

// next returns the next record, valid until the next call; io.EOF at the end; or a
// Permanent error for a record that is given up, after which it goes on.
func (c *cutter) next() (nodes.Record, error) {
	for {
		start := c.offset
		c.last = start
		piece, size, err := c.piece()
		if err != nil && (size == 0 || !errors.Is(err, io.EOF)) {
			return nodes.Record{}, err
		}
		c.offset += size
		if c.format != formatText {
			piece, size = trimLineEnd(piece, size, err == nil)
		}
		if size > int64(c.limit) {
			return nodes.Record{}, nodes.Permanentf("%s: the %s at byte %d has %d bytes; a record may have %d",
				c.name, c.unit(), c.base+start, size, c.limit)
		}
		if c.format != formatJSONLines {
			return nodes.StringRecord(piece), nil
		}
		if start == 0 && c.base == 0 {
			piece = bytes.TrimPrefix(piece, []byte("\xef\xbb\xbf"))
		}
		piece = bytes.TrimSpace(piece)
		if len(piece) == 0 {
			continue // a blank line stands for no value
		}
		if err := nodes.CheckJSON(piece); err != nil {
			return nodes.Record{}, nodes.Permanentf("%s: the line at byte %d is not valid JSON: %w: %s", c.name, c.base+start, err, excerpt(piece))
		}
		return nodes.JSONRecord(piece), nil
	}
}

func (c *cutter) unit() string {
	if c.format == formatText {
		return "text"
	}
	return "line"
}

// piece reads up to the next line end, or all in the format text, and keeps of it
// what can be a record. size counts all of it.
func (c *cutter) piece() (piece []byte, size int64, err error) {
	if cap(c.long) > keepBuffer {
		c.long = nil
	}
	c.long = c.long[:0]
	for {
		part, err := c.in.ReadSlice('\n')
		if size += int64(len(part)); len(c.long) == 0 && int64(len(part)) == size && c.format != formatText && !errors.Is(err, bufio.ErrBufferFull) {
			return part, size, err
		}
		if room := c.limit + 2 - len(c.long); room > 0 {
			c.long = append(c.long, part[:min(room, len(part))]...)
		}
		if errors.Is(err, bufio.ErrBufferFull) || err == nil && c.format == formatText {
			continue
		}
		return c.long, size, err
	}
}

// trimLineEnd takes \n or \r\n off; piece may be cut short of size, which then only
// ended tells of the \n.
func trimLineEnd(piece []byte, size int64, ended bool) ([]byte, int64) {
	if int64(len(piece)) < size {
		if ended {
			size--
		}
		return piece, size
	}
	if n := len(piece); n > 0 && piece[n-1] == '\n' {
		piece = piece[:n-1]
		if n > 1 && piece[n-2] == '\r' {
			piece = piece[:n-2]
		}
	}
	return piece, int64(len(piece))
}

// excerpt is the start of a piece, for messages.
func excerpt(piece []byte) string {
	if len(piece) > 60 {
		return string(piece[:60]) + "…"
	}
	return string(piece)
}
