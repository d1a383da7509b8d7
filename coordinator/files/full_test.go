package files_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// fill stores what others write until the stream of files is full, and returns what takes it away.
func (c *cluster) fill() (free func()) {
	c.t.Helper()
	ctx, chunks := c.t.Context(), bus.UploadChunks("others", "w")
	data := content(bus.FileChunk, 1)
	var err error
	for k := 0; err == nil; k++ {
		err = c.conn.Files().PutChunk(ctx, chunks, k, data)
	}
	if !errors.Is(err, bus.ErrStore) {
		c.t.Fatal(err)
	}
	return func() {
		if err := c.conn.Files().PurgeChunks(ctx, chunks); err != nil {
			c.t.Error(err)
		}
	}
}

// TestFullWhileWriting fills the files of the project while a sink writes: the job comes to rest, and
// says why; with room again it goes on when it is asked to, and its file is whole and once.
func TestFullWhileWriting(t *testing.T) {
	data := log(30_000)
	want, ctx := inFolder(t, data), bustest.Context(t)
	c := newCluster(t, coordinator.FileLimits{Bytes: 6 << 20})
	in := upload(t, c.files, "in.log", data)
	free := c.fill()
	c.worker(nil, nil)
	c.submit("one", strings.Replace(reference, "from: address,", "from: address, retry: {attempts: 2, backoff: 10ms},", 1), map[string]string{"log": in.Ref()})
	revision := uint64(0)
	for n := range 3 { // again, it is as full as at first
		var j coordinator.Job
		bustest.Eventually(t, "it rests", func() bool {
			var err error
			j, err = c.jobs.Job("one")
			return err == nil && j.State == recipe.JobPending && strings.Contains(j.Waiting, "full") && j.Revision > revision
		})
		if !strings.Contains(j.Waiting, "out/failed.log") {
			t.Errorf("got %q", j.Waiting)
		}
		if n == 2 {
			free()
		}
		j, err := c.jobs.Order(ctx, "one", coordinator.Order{Want: coordinator.WantRun, By: "ann", At: time.Now()}, 0)
		if err != nil {
			t.Fatal(err)
		}
		revision = j.Revision
	}
	bustest.Eventually(t, "it is over", func() bool { j, err := c.jobs.Job("one"); return err == nil && j.State == recipe.JobSucceeded })
	j, err := c.jobs.Show(ctx, "one")
	if err != nil || j.Progress == nil || j.Progress.Steps[3].Dead > 0 {
		t.Errorf("got %+v, %v", j, err)
	}
	if _, got := c.made("one"); !bytes.Equal(got, want) {
		t.Errorf("got a file of %d bytes, want %d", len(got), len(want))
	}
}

// TestFinishFull finishes an upload while the store of files is full: nothing is told of that is not
// there, and the upload can be given up at once to make room.
func TestFinishFull(t *testing.T) {
	c, ctx := newCluster(t, coordinator.FileLimits{Bytes: 4 << 20}), bustest.Context(t)
	data := content(1000, 3)
	u := begin(t, c.files, "one", len(data), "")
	if _, err := c.files.Append(ctx, u.ID, 0, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	free := c.fill()
	for k, size := 0, 4096; size > 0; k++ { // to the last byte
		if err := c.conn.Files().PutChunk(ctx, bus.UploadChunks("others", "small"), k, data[:min(size, len(data))]); errors.Is(err, bus.ErrStore) {
			size /= 8
		} else if err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.files.Finish(ctx, u.ID)
	family(t, "finish", err, coordinator.OverLimit)
	if all, _ := c.files.List("", "", 0); len(all) != 0 {
		t.Errorf("there is %v", all)
	}
	if err := c.files.Abort(ctx, u.ID); err != nil {
		t.Errorf("give it up: %v", err)
	}
	free()
}
