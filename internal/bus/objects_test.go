package bus_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"testing"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

func TestObjects(t *testing.T) {
	c := bustest.Conn(t, bustest.InProcess)
	ctx := bustest.Context(t)
	o, err := c.Objects(ctx, bus.ObjectsConfig{Stream: "OBJECTS", Prefix: "objects.job"})
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 1, 512 << 10, 512<<10 + 1, 3 << 20} {
		data := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
		sum := sha256.Sum256(data)
		for range 2 { // again is fine
			if err := o.Put(ctx, "0-1-0_2", sum, data); err != nil {
				t.Fatalf("%d bytes: %v", size, err)
			}
		}
		if got, err := o.Read(ctx, "0-1-0_2"); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes: got %d, %v", size, len(got), err)
		}
		other := append(bytes.Clone(data), 'x')
		if err := o.Put(ctx, "0-1-0_2", sha256.Sum256(other), other); !errors.Is(err, bus.ErrExists) {
			t.Errorf("another value: got %v, want %v", err, bus.ErrExists)
		}
		for range 2 {
			if err := o.Delete(ctx, "0-1-0_2"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := o.Read(ctx, "0-1-0_2"); !errors.Is(err, bus.ErrNotFound) {
			t.Errorf("deleted: got %v, want %v", err, bus.ErrNotFound)
		}
	}
	if s, err := c.StreamState(ctx, "OBJECTS"); err != nil || s.Msgs != 0 {
		t.Errorf("got %d messages left, %v", s.Msgs, err)
	}
}

func TestObjectsRefuse(t *testing.T) {
	c := bustest.Conn(t, bustest.InProcess)
	ctx := bustest.Context(t)
	o, err := c.Objects(ctx, bus.ObjectsConfig{Stream: "OBJECTS", Prefix: "objects.job"})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Put(ctx, "a", [32]byte{}, []byte("x")); !errors.Is(err, bus.ErrDigest) {
		t.Errorf("wrong digest: got %v", err)
	}
	if err := o.Put(ctx, "a", [32]byte{}, make([]byte, bus.MaxFrame+1)); !errors.Is(err, bus.ErrTooLarge) {
		t.Errorf("too large: got %v", err)
	}
	for _, name := range []string{"", "a.b", "*", ">", "a b"} {
		if err := o.Put(ctx, name, sha256.Sum256(nil), nil); err == nil {
			t.Errorf("name %q: got no error", name)
		}
	}
	data := bytes.Repeat([]byte("x"), 600<<10)
	if err := o.Put(ctx, "a", sha256.Sum256(data), data); err != nil {
		t.Fatal(err)
	}
	counts, err := c.SubjectCounts(ctx, "OBJECTS", "objects.job.c.>")
	if err != nil || len(counts) != 2 {
		t.Fatalf("got %v, %v, want two chunks", counts, err)
	}
	p := publisher(t, c)
	for subject := range counts { // altered in the broker
		if err := c.PurgeSubject(ctx, "OBJECTS", subject); err != nil {
			t.Fatal(err)
		}
		old := bytes.Repeat([]byte("y"), 600<<10-512<<10)
		if o := p.PutSync(ctx, bus.Put{Subject: subject, Data: old}); o.Err != nil {
			t.Fatal(o.Err)
		}
	}
	if _, err := o.Read(ctx, "a"); err == nil {
		t.Error("altered: got no error")
	}
}
