package files_test

import (
	"bytes"
	"testing"

	"sluice/coordinator/files"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

// TestRevivedManifest has the manifest of a content back that was removed with its chunks, as a
// server that was killed may bring it back. Who needs the content then stores it anew: by an
// upload that names its digest, and by the sink of a job that makes the same.
func TestRevivedManifest(t *testing.T) {
	conn := bustest.Conn(t, bustest.InProcess)
	s, ctx, f := open(t, conn, files.Config{}), bustest.Context(t), conn.Files()
	data := content(2*chunk+7, 1)
	gone := func() {
		t.Helper()
		a := upload(t, s, "old", data)
		m, err := f.Manifest(ctx, a.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(ctx, a.ID, 0); err != nil {
			t.Fatal(err)
		}
		m.Revision = 0
		if err := f.PutManifest(ctx, m); err != nil {
			t.Fatal(err)
		}
		if whole, err := f.Whole(ctx, m); whole || err != nil {
			t.Fatalf("the chunks are there: %v", err)
		}
	}
	gone()
	begin(t, s, "new", len(data), digest(data)) // fails when the content is said to be there
	if a := upload(t, s, "new", data); !bytes.Equal(read(t, s, a), data) {
		t.Error("the upload is not what was sent")
	} else if err := s.Delete(ctx, a.ID, 0); err != nil {
		t.Fatal(err)
	}
	gone()
	by := bus.MadeChunks("job", 3, 1)
	for k := 0; k*chunk < len(data); k++ {
		if err := f.PutChunk(ctx, by, k, data[k*chunk:min((k+1)*chunk, len(data))]); err != nil {
			t.Fatal(err)
		}
	}
	m := &bus.Manifest{Size: int64(len(data)), SHA256: digest(data), Parts: []bus.FilePart{{Chunks: by}}, Step: 3, Node: "out", Path: "out.txt"}
	if err := f.PutMade(ctx, "job", m); err != nil {
		t.Fatal(err)
	}
	for range 2 { // also when it is called again
		if reason, err := s.Keep(ctx, "job", "ann"); reason != "" || err != nil {
			t.Fatal(reason, err)
		}
	}
	if err := s.Settle(ctx, "job", true); err != nil {
		t.Fatal(err)
	}
	all, _ := s.List("job", "", 10)
	if len(all) != 1 || !bytes.Equal(read(t, s, all[0]), data) {
		t.Errorf("what the job made can't be read: %v", all)
	}
}
