package files_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/files"
	"sluice/coordinator/store"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// TestSweep leaves uploads and contents behind in all the ways that a crash can.
func TestSweep(t *testing.T) {
	conn := bustest.Conn(t, bustest.InProcess)
	live := map[recipe.JobID]bool{"alive": true}
	s := open(t, conn, files.Config{Expire: time.Nanosecond, Live: func(id recipe.JobID) bool { return live[id] }})
	ctx, f := bustest.Context(t), conn.Files()
	kept := upload(t, s, "kept", content(chunk+1, 1))
	left := begin(t, s, "left", 2*chunk, "")
	if _, err := s.Append(ctx, left.ID, 0, bytes.NewReader(content(chunk, 2))); err != nil {
		t.Fatal(err)
	}
	put := func(name string) {
		if err := f.PutChunk(ctx, name, 0, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	put(bus.UploadChunks("gone", "w"))
	put(bus.MadeChunks("alive", 1, 1))
	put(bus.MadeChunks("dead", 1, 1))
	unnamed := &bus.Manifest{Size: 1, SHA256: digest([]byte("x")), Parts: []bus.FilePart{{Chunks: bus.MadeChunks("dead", 1, 1)}}}
	if err := f.PutManifest(ctx, unnamed); err != nil {
		t.Fatal(err)
	}
	for _, job := range []recipe.JobID{"alive", "dead"} {
		if err := f.PutMade(ctx, job, &bus.Manifest{Step: 1}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := s.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.Upload(ctx, left.ID)
	family(t, "an upload that expired", err, coordinator.Unknown)
	writers, err := f.Writers(ctx, "")
	if err != nil || len(writers) != 2 || chunks(t, conn) != 3 {
		t.Errorf("got %v, %v: want the content that is kept and what a live job writes", writers, err)
	}
	if jobs, err := f.MadeBy(ctx); err != nil || len(jobs) != 1 || jobs[0] != "alive" {
		t.Errorf("got %v, %v", jobs, err)
	}
	if !bytes.Equal(read(t, s, kept), content(chunk+1, 1)) {
		t.Error("what is kept was harmed")
	}
}

// TestSweepAgainstUploads uploads and deletes few contents over and over while both coordinators
// sweep: whatever an upload was answered can be read until it is deleted.
func TestSweepAgainstUploads(t *testing.T) {
	server := bustest.Server(t)
	both := []*files.Store{open(t, bustest.Connect(t, server), files.Config{}), open(t, bustest.Connect(t, server), files.Config{})}
	ctx, cancel := context.WithCancel(bustest.Context(t))
	swept := make(chan error, 2)
	for _, s := range both {
		go func() {
			for ctx.Err() == nil {
				if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
					swept <- err
					return
				}
			}
			swept <- nil
		}()
	}
	for i := range 60 {
		data := content(1000+i%3, uint64(i%3))
		a := upload(t, both[i%2], "x", data)
		if !bytes.Equal(read(t, both[i%2], a), data) {
			t.Fatal("another content was read")
		}
		if err := both[i%2].Delete(ctx, a.ID, 0); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	for range both {
		if err := bustest.Wait(t, "the sweep", swept); err != nil {
			t.Error(err)
		}
	}
}

// TestSweepWaits lets a coordinator sweep that has seen nothing yet: it reads what it has missed
// before, and removes nothing.
func TestSweepWaits(t *testing.T) {
	server := bustest.Server(t)
	s := open(t, bustest.Connect(t, server), files.Config{})
	a := upload(t, s, "x", content(100, 1))
	ctx, conn := bustest.Context(t), bustest.Connect(t, server)
	control, err := store.Open(ctx, store.Config{Conn: conn})
	if err != nil {
		t.Fatal(err)
	}
	blind, err := files.New(ctx, files.Config{Conn: conn, Control: control}) // it does not follow
	if err != nil {
		t.Fatal(err)
	}
	if err := blind.Sweep(ctx); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(read(t, s, a), content(100, 1)) {
		t.Error("the content was harmed")
	}
}

// TestSweepComesLate reads the manifest of a content that nobody has, as a sweep does, lets an
// upload claim the content, and goes on with the sweep.
func TestSweepComesLate(t *testing.T) {
	conn := bustest.Conn(t, bustest.InProcess)
	s := open(t, conn, files.Config{})
	ctx, f, data := bustest.Context(t), conn.Files(), content(100, 1)
	for _, claim := range []func() coordinator.Artifact{
		func() coordinator.Artifact { return upload(t, s, "x", data) },
		func() coordinator.Artifact {
			_, a, err := s.Begin(ctx, coordinator.Upload{Name: "x", Size: 100, SHA256: digest(data)})
			if err != nil || a == nil {
				t.Fatal(a, err)
			}
			return *a
		},
	} {
		name := bus.MadeChunks("dead", 1, 1)
		unnamed := &bus.Manifest{Size: 100, SHA256: digest(data), Parts: []bus.FilePart{{Chunks: name}}}
		if err := f.PutChunk(ctx, name, 0, data); err != nil {
			t.Fatal(err)
		}
		if err := f.PutManifest(ctx, unnamed); err != nil {
			t.Fatal(err)
		}
		a := claim()
		if err := f.DropManifest(ctx, unnamed); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(read(t, s, a), data) {
			t.Error("another content was read")
		}
		if err := s.Delete(ctx, a.ID, 0); err != nil {
			t.Fatal(err)
		}
	}
}
