package source

import (
	"io"

	"sluice/nodes"
)

// lostFile is the reader of a piece that stands for a file that can't be read: the file
// is given up as one record.
type lostFile struct {
	*piece
	told int64
}

// Read implements nodes.Reader.
func (l *lostFile) Read(*nodes.Call) error {
	if l.told > 0 {
		return io.EOF
	}
	l.told++
	return nodes.Permanentf("%s: the file is given up: %s", l.Path, l.Lost)
}

// Offset implements nodes.Reader.
func (l *lostFile) Offset() int64 { return l.told }

// Position implements nodes.Position.
func (l *lostFile) Position() string { return l.Path }

// Close implements nodes.Reader.
func (l *lostFile) Close() error { return nil }
