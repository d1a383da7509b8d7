package natsconf_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"testing"
	"time"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/bus/natsconf"
)

// TestFilesOfWorkers has a worker make a file and read an upload with its own credentials; it can
// write neither uploads nor manifests.
func TestFilesOfWorkers(t *testing.T) {
	h := newHouse(t)
	ctx := bustest.Context(t)
	c, w := h.as("a", natsconf.Coordinator).Files(), h.as("a", natsconf.Worker).Files()
	if err := c.Ensure(ctx, 1, 0); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("abc"))
	manifest := func(chunks string) *bus.Manifest {
		return &bus.Manifest{Size: 3, SHA256: hex.EncodeToString(sum[:]), Parts: []bus.FilePart{{Chunks: chunks}}, Step: 1, Node: "out", Path: "x"}
	}
	upload, made := bus.UploadChunks("u", "x"), bus.MadeChunks("j", 1, 1)
	if err := errors.Join(c.PutChunk(ctx, upload, 0, []byte("abc")), c.PutManifest(ctx, manifest(upload))); err != nil {
		t.Fatal(err)
	}
	f, err := w.Open(ctx, manifest("").SHA256, "x")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(f); err != nil || string(b) != "abc" {
		t.Errorf("a worker reads %q, %v", b, err)
	}
	for range 2 { // also when it is not the first to say it
		if err := errors.Join(w.PutChunk(ctx, made, 0, []byte("abc")), w.PutMade(ctx, "j", manifest(made))); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := c.Made(ctx, "j"); err != nil || len(all) != 1 {
		t.Errorf("got %+v, %v", all, err)
	}
	for subject, try := range map[string]func(context.Context) error{
		"Subject \"sluicefiles.c.u.u.x.0\"": func(ctx context.Context) error { return w.PutChunk(ctx, upload, 0, []byte("abd")) },
		"Subject \"sluicefiles.m.":          func(ctx context.Context) error { return w.PutManifest(ctx, manifest(made)) },
		"$JS.API.STREAM.PURGE.SLUICE_FILES": func(ctx context.Context) error { return w.PurgeChunks(ctx, upload) },
	} {
		short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		if err := try(short); err == nil {
			t.Errorf("%s: a worker could", subject)
		}
		cancel()
		bustest.Eventually(t, "the server has refused "+subject, func() bool { return h.said(subject) })
	}
}
