package files_test

import (
	"errors"
	"testing"

	"sluice/coordinator"
	"sluice/coordinator/files"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/bus/natsconf"
)

// TestRunningJobsCount writes as a job does that runs: what it has written counts for uploads, and
// it can't take more than the files of the project may have and a little.
func TestRunningJobsCount(t *testing.T) {
	conn, ctx := bustest.Conn(t, bustest.InProcess), bustest.Context(t)
	open(t, conn, files.Config{})                                                              // without a bound, as before
	s := open(t, conn, files.Config{Limits: coordinator.FileLimits{Bytes: 4 * bus.FileChunk}}) // which is now there
	if got := s.Limits(); got.Size != 4*bus.FileChunk {
		t.Errorf("got %+v: one file may have more than all", got)
	}
	data, put := content(bus.FileChunk, 1), 0
	var err error
	for ; err == nil && put < 40; put++ {
		if err = conn.Files().PutChunk(ctx, bus.MadeChunks("job", 1, 1), put, data); put == 2 {
			_, _, err := s.Begin(ctx, coordinator.Upload{Name: "x", Size: bus.FileChunk})
			if err != nil {
				t.Errorf("three of four: %v", err)
			}
			_, _, err = s.Begin(ctx, coordinator.Upload{Name: "x", Size: 2 * bus.FileChunk})
			family(t, "beside a job that writes", err, coordinator.OverLimit)
		}
	}
	if !errors.Is(err, bus.ErrStore) || put < 5 || put > 25 {
		t.Errorf("got %v after %d chunks, want %v", err, put, bus.ErrStore)
	}
	for _, most := range []int64{0, 64 << 20, 1} { // settings may change; what is there stays
		if err := conn.Files().Ensure(ctx, 1, most); err != nil {
			t.Errorf("%d: %v", most, err)
		}
	}
	state, err := conn.StreamState(ctx, bus.FilesStream)
	if err != nil || state.Msgs < 5 {
		t.Errorf("got %+v, %v", state, err)
	}
}

// TestLimitOfAccount opens the artifacts of an account that is bounded: files may have half of it.
func TestLimitOfAccount(t *testing.T) {
	server := bustest.Start(t, bus.ServerConfig{Accounts: []natsconf.Account{
		{Name: "a", Limits: natsconf.Limits{Store: 1 << 30}, Users: []natsconf.User{{Name: "u", Password: "p"}}}}})
	conn := bustest.Connect(t, server, bus.User("u", "p"))
	s := open(t, conn, files.Config{})
	upload(t, s, "f", content(chunk, 1))
	if most, used, err := conn.MaxStore(bustest.Context(t)); err != nil || most != 1<<30 || used < chunk || used > 2*chunk {
		t.Errorf("got %d of %d, %v", used, most, err)
	}
	if got := s.Limits(); got.Bytes != 1<<29 || got.Size != 1<<29 {
		t.Errorf("got %+v, want 512 MiB", got)
	}
}
