package bus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"sort"
	"strconv"
	"sync"
	"time"
)

// OpenFile is a stored file that is being read. It holds at most two chunks in memory: the one
// read last and, when it is read in order, the next. All methods may be called from any
// goroutine; requests end with the context that it was opened with.
type OpenFile struct {
	f    *Files
	ctx  context.Context
	name string
	m    *Manifest

	mu     sync.Mutex
	pos    int64 // of Read; guarded by mu, as all below
	at     int   // number of the chunk in data, -1 for none
	data   []byte
	ahead  *fetch // of the next one, nil for none
	closed bool
}

// fetch is a chunk on its way.
type fetch struct {
	k    int
	done chan struct{}
	data []byte
	err  error
}

// Open opens the content with that digest; name is what Stat calls it. ErrNotFound says that
// there is none.
func (f *Files) Open(ctx context.Context, sha256, name string) (*OpenFile, error) {
	var s *Stored
	err := patiently(ctx, func() (err error) {
		s, err = f.c.Last(ctx, FilesStream, filesByName+sha256)
		return err
	})
	if err != nil {
		return nil, err
	}
	m, err := manifestOf(s)
	if err != nil {
		return nil, err
	}
	return f.OpenManifest(ctx, m, name), nil
}

// OpenManifest opens the file that a manifest describes.
func (f *Files) OpenManifest(ctx context.Context, m *Manifest, name string) *OpenFile {
	return &OpenFile{f: f, ctx: ctx, name: name, m: m, at: -1}
}

// SHA256 is the digest of the whole content, in hex.
func (o *OpenFile) SHA256() string { return o.m.SHA256 }

// Size is the size of the content.
func (o *OpenFile) Size() int64 { return o.m.Size }

// ReadAt implements io.ReaderAt.
func (o *OpenFile) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fmt.Errorf("%s: negative offset: %w", o.name, fs.ErrInvalid)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.read(p, off)
}

// Read implements io.Reader.
func (o *OpenFile) Read(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(p) == 0 {
		return 0, nil
	}
	in := int(min(FileChunk-o.pos%FileChunk, int64(len(p)))) // no further than a chunk: the reader may want no more
	n, err := o.read(p[:in], o.pos)
	o.pos += int64(n)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

func (o *OpenFile) read(p []byte, off int64) (n int, err error) {
	if o.closed {
		return 0, fs.ErrClosed
	}
	for n < len(p) {
		if off >= o.m.Size {
			return n, io.EOF
		}
		chunk, err := o.chunk(int(off / FileChunk))
		if err != nil {
			return n, fmt.Errorf("%s: %w", o.name, err)
		}
		c := copy(p[n:], chunk[off%FileChunk:])
		n, off = n+c, off+int64(c)
	}
	return n, nil
}

// Seek implements io.Seeker.
func (o *OpenFile) Seek(offset int64, whence int) (int64, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch whence {
	case io.SeekCurrent:
		offset += o.pos
	case io.SeekEnd:
		offset += o.m.Size
	}
	if offset < 0 || whence < io.SeekStart || whence > io.SeekEnd {
		return 0, fmt.Errorf("%s: seek: %w", o.name, fs.ErrInvalid)
	}
	o.pos = offset
	return offset, nil
}

// Close implements io.Closer.
func (o *OpenFile) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed, o.data, o.at, o.ahead = true, nil, -1, nil
	return nil
}

// chunk returns chunk k, and has the next one fetched when they are read in order. Called with
// mu held.
func (o *OpenFile) chunk(k int) ([]byte, error) {
	if k == o.at {
		return o.data, nil
	}
	next := o.ahead
	o.ahead = nil
	if next == nil || next.k != k {
		next = o.fetch(k)
	}
	inOrder := k == o.at+1 && k > 0
	o.at, o.data = -1, nil
	if <-next.done; next.err != nil {
		return nil, next.err
	}
	if o.at, o.data = k, next.data; inOrder && int64(k+1)*FileChunk < o.m.Size {
		o.ahead = o.fetch(k + 1) // while this one is worked on
	}
	return o.data, nil
}

// fetch asks for chunk k.
func (o *OpenFile) fetch(k int) *fetch {
	n := &fetch{k: k, done: make(chan struct{})}
	go func() { // ends with the request, which is bounded
		defer close(n.done)
		n.data, n.err = o.f.chunk(o.ctx, o.m, k)
	}()
	return n
}

// chunk reads and checks chunk k of a file.
func (f *Files) chunk(ctx context.Context, m *Manifest, k int) ([]byte, error) {
	part := sort.Search(len(m.Parts), func(i int) bool { return m.Parts[i].From > k }) - 1
	if part < 0 {
		return nil, fmt.Errorf("chunk %d: %w", k, ErrNotFound)
	}
	var s *Stored
	err := patiently(ctx, func() (err error) {
		s, err = f.c.Last(ctx, FilesStream, filesChunks+m.Parts[part].Chunks+"."+strconv.Itoa(k))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("chunk %d: %w", k, err)
	}
	want := min(FileChunk, m.Size-int64(k)*FileChunk)
	if int64(len(s.Data)) != want+4 || crc32.Checksum(s.Data[4:], castagnoli) != binary.LittleEndian.Uint32(s.Data) {
		return nil, fmt.Errorf("chunk %d: %w", k, ErrDigest)
	}
	return s.Data[4:], nil
}

// Stat tells name, size and the time when the content was stored first.
func (o *OpenFile) Stat() (fs.FileInfo, error) { return fileInfo{o}, nil }

type fileInfo struct{ o *OpenFile }

// Name implements fs.FileInfo.
func (i fileInfo) Name() string { return i.o.name }

// Size implements fs.FileInfo.
func (i fileInfo) Size() int64 { return i.o.m.Size }

// Mode implements fs.FileInfo: a regular file that is only read.
func (i fileInfo) Mode() fs.FileMode { return 0o444 }

// ModTime implements fs.FileInfo.
func (i fileInfo) ModTime() time.Time { return i.o.m.Created }

// IsDir implements fs.FileInfo.
func (i fileInfo) IsDir() bool { return false }

// Sys implements fs.FileInfo.
func (i fileInfo) Sys() any { return nil }
