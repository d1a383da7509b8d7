package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/endpoint"
)

func readyz(t *testing.T, h *Health) (int, Ready) {
	t.Helper()
	w := httptest.NewRecorder()
	Handler(h, nil).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	var body Ready
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return w.Code, body
}

// TestReady follows a check as it fails and passes, and tells since when.
func TestReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &Health{}
		if code, _ := readyz(t, h); code != http.StatusOK {
			t.Errorf("got %d without checks", code)
		}
		var fault error
		asked := 0
		h.Check("nats", func(context.Context) error { asked++; return fault })
		h.Check("store", func(context.Context) error { return nil })
		time.Sleep(checkEvery)
		begun := time.Now().UTC()
		code, got := readyz(t, h)
		if code != http.StatusOK || !got.Ready || len(got.Checks) != 2 || !got.Checks[0].Since.Equal(begun) {
			t.Errorf("got %d, %+v", code, got)
		}
		fault = errors.New("not connected")
		if code, _ = readyz(t, h); code != http.StatusOK || asked != 1 {
			t.Errorf("got %d after %d questions; within a second the answer is that of before", code, asked)
		}
		time.Sleep(time.Minute)
		failed := time.Now().UTC()
		for range 2 {
			code, got = readyz(t, h)
			c := got.Checks[0]
			if code != http.StatusServiceUnavailable || got.Ready || c.Ready || c.Fault != "not connected" || !c.Since.Equal(failed) || !got.Checks[1].Ready {
				t.Errorf("got %d, %+v", code, got)
			}
			time.Sleep(time.Minute)
		}
		fault = nil
		if code, got = readyz(t, h); code != http.StatusOK || !got.Checks[0].Since.After(failed) {
			t.Errorf("got %d, %+v", code, got)
		}
		h.Leave()
		code, got = readyz(t, h)
		if last := got.Checks[2]; code != http.StatusServiceUnavailable || last.Ready || last.Fault == "" {
			t.Errorf("got %d, %+v of a service that ends", code, got)
		}
	})
}

// TestHangingCheck answers in time though a check does not, and one panics.
func TestHangingCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &Health{}
		release := make(chan struct{})
		var hung atomic.Int64
		h.Check("hangs", func(context.Context) error { hung.Add(1); <-release; return nil })
		h.Check("panics", func(context.Context) error { panic("x") })
		h.Check("talks", func(context.Context) error { return errors.New(strings.Repeat("x", 10000)) })
		begun := time.Now()
		code, got := readyz(t, h)
		if d := time.Since(begun); d != checkWithin || code != http.StatusServiceUnavailable {
			t.Errorf("got %d in %v", code, d)
		}
		for _, c := range got.Checks {
			if c.Ready || c.Fault == "" || len(c.Fault) > 2*checkText {
				t.Errorf("got %+v", c)
			}
		}
		time.Sleep(time.Minute)
		if code, _ = readyz(t, h); code != http.StatusServiceUnavailable || hung.Load() != 1 {
			t.Errorf("got %d; the check that hangs was asked %d times", code, hung.Load())
		}
		close(release)
		synctest.Wait()
		time.Sleep(time.Minute)
		if _, got = readyz(t, h); !got.Checks[0].Ready {
			t.Errorf("got %+v of the check that is back", got.Checks[0])
		}
	})
}

// TestServe asks a real server for all three, by the right and by wrong methods, and ends it.
func TestServe(t *testing.T) {
	l, err := endpoint.Listen(t.Context(), endpoint.Config{Address: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, l, Handler(&Health{}, New("worker", "v1").Handler()), nil) }()
	for path, want := range map[string]string{"/healthz": "alive", "/readyz": `"ready":true`, "/metrics": "sluice_build_info"} {
		answer, err := http.Get("http://" + l.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: got %d, %.200s", path, answer.StatusCode, body)
		}
		if answer, err = http.Post("http://"+l.Addr().String()+path, "text/plain", strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: got %d for POST", path, answer.StatusCode)
		}
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := http.Get("http://" + l.Addr().String() + "/healthz"); err == nil {
		t.Error("it is served still")
	}
}
