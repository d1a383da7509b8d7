package source

import (
	"bufio"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
)

// gzipMembers is the stream of a gzip file: its members one after the other. Zero bytes
// behind the last one, as tapes and dd leave, are no fault.
type gzipMembers struct {
	in *bufio.Reader
	z  *gzip.Reader
}

func newGzipMembers(r io.Reader) (*gzipMembers, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	return &gzipMembers{in, z}, nil
}

// Read implements io.Reader.
func (g *gzipMembers) Read(p []byte) (int, error) {
	n, err := g.z.Read(p)
	if !errors.Is(err, io.EOF) || n > 0 {
		if errors.Is(err, io.EOF) {
			err = nil // asked for again
		}
		return n, err
	}
	if err := g.next(); err != nil {
		return 0, err
	}
	return 0, nil
}

// next begins the next member; io.EOF when there is none.
func (g *gzipMembers) next() error {
	first, err := g.in.ReadByte()
	if err != nil {
		return err
	}
	if first != 0 {
		if err := g.in.UnreadByte(); err != nil {
			return err
		}
		err := g.z.Reset(g.in)
		g.z.Multistream(false)
		return err
	}
	for first == 0 {
		if first, err = g.in.ReadByte(); err != nil {
			return err
		}
	}
	return gzip.ErrHeader
}
