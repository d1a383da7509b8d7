package api_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"sluice/coordinator"
	"sluice/internal/bus/bustest"
)

// TestShares has one user open as many taps as it may: one more is refused, another user's is
// not, and one that is closed makes room.
func TestShares(t *testing.T) {
	d := newDesk(t)
	path := "/v1/jobs/" + string(d.wide(1)) + "/tap?at=hash"
	try := func(role coordinator.Role) (status int, stop func()) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, "GET", d.http.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+d.keys[role])
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cancel(); resp.Body.Close() })
		if resp.StatusCode != http.StatusOK {
			text, err := io.ReadAll(resp.Body)
			if err != nil || !strings.Contains(string(text), "has 8 requests of tap-edge open already") {
				t.Errorf("got %d %s, %v", resp.StatusCode, text, err)
			}
		}
		return resp.StatusCode, cancel
	}
	var stop func()
	for i := range 8 {
		status, end := try(coordinator.Viewer)
		if status != http.StatusOK {
			t.Fatalf("tap %d: got %d", i, status)
		}
		stop = end
	}
	if status, _ := try(coordinator.Viewer); status != http.StatusTooManyRequests {
		t.Errorf("one too many: got %d", status)
	}
	if status, _ := try(coordinator.Operator); status != http.StatusOK {
		t.Errorf("another user's: got %d", status)
	}
	stop()
	bustest.Eventually(t, "room for another", func() bool { status, _ := try(coordinator.Viewer); return status == http.StatusOK })
}
