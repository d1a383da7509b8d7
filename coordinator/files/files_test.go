package files_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/files"
	"sluice/coordinator/store"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

const chunk = bus.FileChunk

// open opens the artifacts of a project as one more coordinator does.
func open(t *testing.T, conn *bus.Conn, c files.Config) *files.Store {
	t.Helper()
	ctx := bustest.Context(t)
	control, err := store.Open(ctx, store.Config{Conn: conn})
	if err != nil {
		t.Fatal(err)
	}
	c.Conn, c.Control = conn, control
	s, err := files.New(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := control.Follow(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(control.Close)
	return s
}

func content(size int, seed uint64) []byte {
	b := make([]byte, size)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func begin(t *testing.T, s *files.Store, name string, size int, sum string) coordinator.Upload {
	t.Helper()
	u, a, err := s.Begin(bustest.Context(t), coordinator.Upload{Name: name, Size: int64(size), SHA256: sum, Owner: "ann"})
	if err != nil || a != nil {
		t.Fatal(a, err)
	}
	return u
}

func upload(t *testing.T, s *files.Store, name string, data []byte) coordinator.Artifact {
	t.Helper()
	ctx := bustest.Context(t)
	u := begin(t, s, name, len(data), "")
	if _, err := s.Append(ctx, u.ID, 0, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	a, err := s.Finish(ctx, u.ID)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func read(t *testing.T, s *files.Store, a coordinator.Artifact) []byte {
	t.Helper()
	f, err := s.Open(bustest.Context(t), a)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func chunks(t *testing.T, conn *bus.Conn) int {
	t.Helper()
	counts, err := conn.SubjectCounts(bustest.Context(t), bus.FilesStream, "sluicefiles.c.>")
	if err != nil {
		t.Fatal(err)
	}
	return len(counts)
}

func family(t *testing.T, what string, err error, want coordinator.Family) {
	t.Helper()
	if got := coordinator.FamilyOf(err); got != want {
		t.Errorf("%s: got %q (%v), want %q", what, got, err, want)
	}
}

// TestUpload stores files of many sizes and reads them back, whole and in ranges.
func TestUpload(t *testing.T) {
	conn := bustest.Conn(t, bustest.InProcess)
	s := open(t, conn, files.Config{})
	for _, size := range []int{0, 1, chunk - 1, chunk, chunk + 1, 3*chunk + 7} {
		data := content(size, uint64(size))
		a := upload(t, s, "logs/auth.log", data)
		if a.Name != "auth.log" || a.Size != int64(size) || a.SHA256 != digest(data) || a.Ref() != "artifact:"+digest(data)+"/auth.log" {
			t.Errorf("%d bytes: got %+v", size, a)
		}
		if !bytes.Equal(read(t, s, a), data) {
			t.Errorf("%d bytes: another content was read", size)
		}
		f, err := s.Open(bustest.Context(t), a)
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(struct {
			io.Reader
			io.ReaderAt
			io.Seeker
		}{f, f, f}, data); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		if info, err := f.Stat(); err != nil || info.Size() != int64(size) || !info.Mode().IsRegular() || time.Since(info.ModTime()) > time.Minute {
			t.Errorf("got %v, %v", info, err)
		}
		r := rand.New(rand.NewPCG(1, 2))
		for range 20 {
			from, n := r.Int64N(int64(size)+1), r.IntN(2*chunk)
			got := make([]byte, n)
			n, err := f.ReadAt(got, from)
			if !bytes.Equal(got[:n], data[from:min(size, int(from)+len(got))]) || n < len(got) != errors.Is(err, io.EOF) {
				t.Fatalf("%d at %d of %d: got %d, %v", len(got), from, size, n, err)
			}
		}
	}
}

// TestResume cuts an upload at some places; it goes on where it says, on any coordinator.
func TestResume(t *testing.T) {
	server := bustest.Server(t)
	conn := bustest.Connect(t, server)
	both := []*files.Store{open(t, conn, files.Config{}), open(t, bustest.Connect(t, server), files.Config{})}
	ctx, data := bustest.Context(t), content(5*chunk+100, 1)
	u := begin(t, both[0], "x", len(data), digest(data))
	offset := int64(0)
	for i, cut := range []int{10, chunk, 2*chunk + 5} {
		from := io.MultiReader(bytes.NewReader(data[offset:][:cut]), iotest.ErrReader(errors.New("connection reset")))
		now, err := both[i%2].Append(ctx, u.ID, offset, from)
		family(t, "a cut", err, coordinator.Invalid)
		if offset += int64(cut / chunk * chunk); now.Offset != offset {
			t.Fatalf("cut %d: it goes on at %d, want %d", i, now.Offset, offset)
		}
		if now, err = both[(i+1)%2].Upload(ctx, u.ID); err != nil || now.Offset != offset {
			t.Fatal(now, err)
		}
	}
	_, err := both[0].Finish(ctx, u.ID)
	family(t, "an end that is missing", err, coordinator.Conflict)
	_, err = both[0].Append(ctx, u.ID, offset-chunk, bytes.NewReader(data))
	family(t, "another offset", err, coordinator.Changed)
	_, err = both[0].Append(ctx, u.ID, offset, bytes.NewReader(data[:chunk-1]))
	family(t, "too little", err, coordinator.Invalid)
	_, err = both[1].Append(ctx, u.ID, offset, bytes.NewReader(append(bytes.Clone(data[offset:]), 'x')))
	family(t, "too much", err, coordinator.TooLarge)
	a, err := both[1].Finish(ctx, u.ID)
	if err != nil || a.SHA256 != digest(data) || !bytes.Equal(read(t, both[1], a), data) {
		t.Fatalf("got %+v, %v", a, err)
	}
	_, err = both[0].Upload(ctx, u.ID)
	family(t, "an upload that is done", err, coordinator.Unknown)
	if n := chunks(t, conn); n != 6 {
		t.Errorf("got %d chunks, want 6", n)
	}
}

// TestTwoAppendAtOnce lets another append come between: only one of them counts, and nothing of
// the other is in the content.
func TestTwoAppendAtOnce(t *testing.T) {
	conn := bustest.Conn(t, bustest.InProcess)
	s := open(t, conn, files.Config{})
	ctx, data := bustest.Context(t), content(2*chunk, 1)
	u := begin(t, s, "x", len(data), "")
	slow, feed := io.Pipe()
	done := make(chan error)
	go func() {
		_, err := s.Append(ctx, u.ID, 0, slow)
		done <- err
	}()
	if _, err := feed.Write(bytes.Repeat([]byte("z"), chunk)); err != nil { // the slow one has begun
		t.Fatal(err)
	}
	if _, err := s.Append(ctx, u.ID, 0, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	feed.Close()
	family(t, "the slower one", bustest.Wait(t, "the slower one", done), coordinator.Changed)
	a, err := s.Finish(ctx, u.ID)
	if err != nil || !bytes.Equal(read(t, s, a), data) {
		t.Fatal(a, err)
	}
	if err := s.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if n := chunks(t, conn); n != 2 || !bytes.Equal(read(t, s, a), data) {
		t.Errorf("got %d chunks behind a sweep, want the 2 of the content", n)
	}
}

// TestSameContent uploads a content twice, stored once, and deletes it.
func TestSameContent(t *testing.T) {
	conn := bustest.Conn(t, bustest.InProcess)
	used := ""
	s := open(t, conn, files.Config{Using: func(_ context.Context, sum string) (string, error) {
		if sum == used {
			return "is read", nil
		}
		return "", nil
	}})
	ctx, data := bustest.Context(t), content(2*chunk, 1)
	one := upload(t, s, "one", data)
	two := upload(t, s, "two", data)
	if one.ID != two.ID || chunks(t, conn) != 2 {
		t.Errorf("got %s and %s in %d chunks", one.ID, two.ID, chunks(t, conn))
	}
	_, again, err := s.Begin(ctx, coordinator.Upload{Name: "three", Size: 2 * chunk, SHA256: digest(data), Owner: "ann"})
	if err != nil || again == nil || again.ID != one.ID {
		t.Fatalf("a content that is known: got %+v, %v", again, err)
	}
	if use := s.Use(); use.Number != 1 || use.Bytes != 2*chunk {
		t.Errorf("got %+v", use)
	}
	if a, err := s.Artifact(digest(data)); err != nil || a.ID != one.ID {
		t.Errorf("by its digest: got %+v, %v", a, err)
	}
	used = digest(data)
	family(t, "delete what is read", s.Delete(ctx, one.ID, 0), coordinator.Conflict)
	used = ""
	family(t, "an old revision", s.Delete(ctx, one.ID, one.Revision+100), coordinator.Changed)
	if err := s.Delete(ctx, one.ID, 0); err != nil {
		t.Fatal(err)
	}
	_, err = s.Open(ctx, one)
	family(t, "open what is deleted", err, coordinator.Unknown)
	if n := chunks(t, conn); n != 0 || s.Use() != (coordinator.FileUse{}) {
		t.Errorf("got %d chunks left, %+v", n, s.Use())
	}
	if three := upload(t, s, "three", data); !bytes.Equal(read(t, s, three), data) {
		t.Error("not the same again")
	}
}

// TestLimits meets each limit of a project.
func TestLimits(t *testing.T) {
	s := open(t, bustest.Conn(t, bustest.InProcess), files.Config{Limits: coordinator.FileLimits{Size: 1000, Number: 3, Bytes: 1500}})
	ctx := bustest.Context(t)
	try := func(size int64) (coordinator.Upload, error) {
		u, _, err := s.Begin(ctx, coordinator.Upload{Name: "x", Size: size})
		return u, err
	}
	_, err := try(1001)
	family(t, "one too large", err, coordinator.TooLarge)
	_, err = try(-1)
	family(t, "no size", err, coordinator.Invalid)
	upload(t, s, "a", content(900, 1))
	u, err := try(600)
	if err != nil {
		t.Fatal(err)
	}
	_, err = try(1)
	family(t, "over the bytes", err, coordinator.OverLimit)
	if err := s.Abort(ctx, u.ID); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := try(1); err != nil {
			t.Fatal(err)
		}
	}
	_, err = try(1)
	family(t, "over the number", err, coordinator.OverLimit)
	for _, name := range []string{"", ".", "a/..", "x\x00", strings.Repeat("n", 201)} {
		_, _, err := s.Begin(ctx, coordinator.Upload{Name: name})
		family(t, fmt.Sprintf("name %q", name), err, coordinator.Invalid)
	}
}

// TestLimitHoldsAtOnce has many begin at once on two coordinators: the limit holds.
func TestLimitHoldsAtOnce(t *testing.T) {
	server := bustest.Server(t)
	c := files.Config{Limits: coordinator.FileLimits{Bytes: 1000}}
	both := []*files.Store{open(t, bustest.Connect(t, server), c), open(t, bustest.Connect(t, server), c)}
	ctx := bustest.Context(t)
	done := make(chan error)
	for i := range 16 {
		go func() {
			_, _, err := both[i%2].Begin(ctx, coordinator.Upload{Name: "x", Size: 300})
			done <- err
		}()
	}
	begun := 0
	for range 16 {
		if err := bustest.Wait(t, "an answer", done); err == nil {
			begun++
		} else {
			family(t, "over", err, coordinator.OverLimit)
		}
	}
	if begun > 3 {
		t.Errorf("%d uploads of 300 bytes were begun where 1000 are allowed", begun)
	}
}

// TestWrongDigest uploads what is not what was said.
func TestWrongDigest(t *testing.T) {
	conn := bustest.Conn(t, bustest.InProcess)
	s := open(t, conn, files.Config{})
	ctx := bustest.Context(t)
	u := begin(t, s, "x", 3, digest([]byte("abc")))
	if _, err := s.Append(ctx, u.ID, 0, strings.NewReader("abd")); err != nil {
		t.Fatal(err)
	}
	_, err := s.Finish(ctx, u.ID)
	family(t, "another content", err, coordinator.Invalid)
	if n := chunks(t, conn); n != 0 {
		t.Errorf("got %d chunks left", n)
	}
}

// TestDamage alters a chunk in the server: it is not read.
func TestDamage(t *testing.T) {
	conn := bustest.Conn(t, bustest.InProcess)
	s := open(t, conn, files.Config{})
	a := upload(t, s, "x", content(100, 1))
	pub, err := conn.NewPublisher()
	if err != nil {
		t.Fatal(err)
	}
	defer pub.Close()
	ctx := bustest.Context(t)
	counts, _ := conn.SubjectCounts(ctx, bus.FilesStream, "sluicefiles.c.>")
	for subject := range counts {
		m, err := conn.Latest(ctx, bus.FilesStream, subject)
		if err != nil {
			t.Fatal(err)
		}
		m.Data[50]++
		if out := pub.PutSync(ctx, bus.Put{Subject: subject, Data: m.Data}); out.Err != nil {
			t.Fatal(out.Err)
		}
	}
	f, err := s.Open(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(f); !errors.Is(err, bus.ErrDigest) {
		t.Errorf("got %v", err)
	}
}
