package source

import (
	"archive/zip"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"sluice/nodes"
)

// The ways in which a file is packed.
const (
	packedPlain = "plain"
	packedGzip  = "gzip"
	packedZip   = "zip"
	packedZstd  = "zstd"
	packedUTF16 = "utf16" // not packed, but not in the bytes of its lines either
)

// detect tells how a file is packed from its first bytes.
func detect(head []byte) string {
	has := func(magic string) bool { return len(head) >= len(magic) && string(head[:len(magic)]) == magic }
	switch {
	case has("\x1f\x8b\x08"):
		return packedGzip
	case has("PK\x03\x04"), has("PK\x05\x06"):
		return packedZip
	case has("\x28\xb5\x2f\xfd"), len(head) >= 4 && head[0]>>4 == 5 && string(head[1:4]) == "\x2a\x4d\x18":
		return packedZstd
	case has("\xff\xfe"), has("\xfe\xff"):
		return packedUTF16
	}
	return packedPlain
}

// Beyond bombStart decompressed bytes, a stream may be bombRatio times as large as
// what it was packed into.
const (
	bombStart  = 64 << 20
	bombRatio  = 1000
	zstdWindow = 128 << 20 // what the zstd tool grants without being asked
)

// unpacked is the decompressed stream of a file or a zip member, bounded. What makes
// it end early is an error that stays.
type unpacked struct {
	r      io.Reader
	packed *counter // what was read of the packed file
	done   func()
	out    int64
	max    int64
	err    error
}

// counter counts what is read, and keeps an error of the file itself apart from those
// of its content.
type counter struct {
	r   io.Reader
	n   int64
	err error
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

// errContent marks a fault in a file's content: reading again can't mend it.
type errContent struct{ error }

func (e errContent) Unwrap() error { return e.error }

// unpack opens the stream in f; member is the index of a zip member.
func unpack(f nodes.File, packed string, member int, maxBytes int64) (*unpacked, error) {
	u := &unpacked{packed: &counter{r: f}, max: maxBytes, done: func() {}}
	switch packed {
	case packedGzip:
		z, err := newGzipMembers(u.packed)
		if err != nil {
			return nil, u.fault(err)
		}
		u.r = z
	case packedZstd:
		z, err := zstd.NewReader(u.packed, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return nil, u.fault(err)
		}
		u.r, u.done = z, z.Close
	case packedUTF16:
		u.r = transform.NewReader(u.packed, unicode.UTF16(unicode.BigEndian, unicode.ExpectBOM).NewDecoder())
	case packedZip:
		file, err := zipMember(f, member)
		if err != nil {
			return nil, err
		}
		if u.packed.r, err = file.OpenRaw(); err != nil {
			return nil, errContent{err}
		}
		u.r = &checked{r: u.packed, size: file.UncompressedSize64, sum: file.CRC32, hash: crc32.NewIEEE()}
		if file.Method == zip.Deflate {
			z := flate.NewReader(u.packed)
			u.r.(*checked).r, u.done = z, func() { z.Close() }
		}
	}
	return u, nil
}

// checked is a zip member, held to the size and the sum that its archive states. Unlike
// that of archive/zip it delivers all bytes before it finds fault, so that the fault is
// at one place however the member is read.
type checked struct {
	r    io.Reader
	size uint64
	sum  uint32
	hash hash.Hash32
	n    uint64
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.hash.Write(p[:n])
	if c.n += uint64(n); errors.Is(err, io.EOF) && (c.n != c.size || c.hash.Sum32() != c.sum) {
		err = zip.ErrChecksum
	}
	return n, err
}

func zipMember(f nodes.File, member int) (*zip.File, error) {
	files, err := zipMembers(f)
	if err != nil {
		return nil, err
	}
	if member >= len(files) {
		return nil, errContent{fmt.Errorf("the archive has no member %d any more", member)}
	}
	if files[member].Flags&1 != 0 {
		return nil, errContent{errors.New("the member is encrypted")}
	}
	if m := files[member].Method; m != zip.Store && m != zip.Deflate {
		return nil, errContent{fmt.Errorf("the member is packed by method %d; 0 (stored) and 8 (deflate) are read", m)}
	}
	return files[member], nil
}

// maxMembers bounds the members that are read of one archive.
const maxMembers = 100_000

func zipMembers(f nodes.File) ([]*zip.File, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	archive, err := zip.NewReader(f, info.Size())
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, errContent{err}
	}
	if len(archive.File) > maxMembers {
		return nil, errContent{fmt.Errorf("the archive has %d members; it may have %d", len(archive.File), maxMembers)}
	}
	return archive.File, nil
}

// fault sorts an error: of the file, or of its content.
func (u *unpacked) fault(err error) error {
	if u.packed.err != nil {
		return u.packed.err
	}
	return errContent{err}
}

// Read delivers the same bytes before an error however large p is, so that a piece that
// is opened again breaks at the same place.
func (u *unpacked) Read(p []byte) (int, error) {
	if u.err != nil {
		return 0, u.err
	}
	n, err := u.r.Read(p)
	switch {
	case err == nil, errors.Is(err, io.EOF):
		u.err = err
	default:
		u.err = u.fault(err)
	}
	if over := u.out + int64(n) - u.max; over > 0 {
		n -= int(over)
		u.err = errContent{fmt.Errorf("it unpacks to more than max_bytes (%d)", u.max)}
	}
	if over := u.out + int64(n) - max(bombStart, bombRatio*(u.packed.n+1)); over > 0 {
		n -= int(over)
		u.err = errContent{fmt.Errorf("it unpacks to over %d times its size, as archives made to do harm do", bombRatio)}
	}
	u.out += int64(n)
	if n > 0 {
		return n, nil
	}
	return 0, u.err
}

func (u *unpacked) Close() { u.done() }

// openPlain checks that a plain file still holds the range that was cut of it. How long it was
// is not known here: others may have been cut behind this one.
func openPlain(f nodes.File, start, end int64) (io.Reader, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() < end {
		return nil, nodes.Permanentf("it has %d bytes and had at least %d when the job began", info.Size(), end)
	}
	return io.NewSectionReader(f, start, end-start), nil
}
