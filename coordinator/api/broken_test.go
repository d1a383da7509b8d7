package api_test

import (
	"bytes"
	"io"
	"testing"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

// TestBrokenOff loses a part of a file of several: neither its results nor the file itself are
// taken for whole.
func TestBrokenOff(t *testing.T) {
	d, ctx := newDesk(t), bustest.Context(t)
	stop := d.worker(nil)
	defer stop()
	c := d.client(coordinator.Author)
	j, err := c.Submit(ctx, coordinator.Submission{Document: coordinator.Document{File: "r.yaml", Source: `
recipe: long
nodes:
  n:    {kind: integer_generator, config: {count: 180000}}
  text: {kind: to_string, from: n}
  out:  {kind: file_writer, from: text, config: {path: out.txt}}
`}}, "")
	if err != nil {
		t.Fatal(err)
	}
	d.over(c, j.ID)
	made, _, err := c.Artifacts(ctx, j.ID, "")
	if err != nil || len(made) != 1 || made[0].Size < 2*bus.FileChunk {
		t.Fatalf("got %v, %v, want a file of several parts", made, err)
	}
	var whole bytes.Buffer
	if err := c.Results(ctx, j.ID, "", &whole); err != nil || bytes.Count(whole.Bytes(), []byte{'\n'}) != 180000 {
		t.Fatalf("whole: got %v, %d bytes", err, whole.Len())
	}
	counts, err := d.conn.SubjectCounts(ctx, bus.FilesStream, "sluicefiles.c.>")
	if err != nil {
		t.Fatal(err)
	}
	for subject := range counts {
		if bus.LastNumber(subject) == 1 {
			if err := d.conn.PurgeSubject(ctx, bus.FilesStream, subject); err != nil {
				t.Fatal(err)
			}
		}
	}
	var part bytes.Buffer
	if err := c.Results(ctx, j.ID, "", &part); err == nil || part.Len() == 0 {
		t.Errorf("results: got %v after %d bytes, want an error after some", err, part.Len())
	}
	if err := c.Download(ctx, &made[0].Artifact, io.Discard); err == nil {
		t.Error("the file was taken for whole")
	}
}
