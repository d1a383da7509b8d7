package client

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/coordinator"
)

// TestSilence asks a coordinator that hangs, before it answers or in the midst of it: nothing
// waits for it for ever, and a stream goes on when it is back.
func TestSilence(t *testing.T) {
	over := make(chan struct{})
	hang := func(r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-over:
		}
	}
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPatch, strings.HasSuffix(r.URL.Path, "/v1/jobs/two"):
			hang(r)
		case r.Method == http.MethodPost:
			fmt.Fprint(w, `{"upload":{"id":"u","size":10}}`)
		case strings.HasPrefix(r.URL.Path, "/v1/uploads/"):
			fmt.Fprint(w, `{"id":"u","size":10}`)
		case strings.HasSuffix(r.URL.Path, "/events"):
			since := r.URL.Query().Get("since")
			if asked = append(asked, since); since == "" {
				fmt.Fprintln(w, `{"id":1,"type":"print"}`)
			} else if len(asked) > 2 {
				fmt.Fprintln(w, `{"id":2,"type":"print"}`)
			}
			_ = http.NewResponseController(w).Flush()
			hang(r)
		default:
			fmt.Fprintln(w, `"one"`)
			_ = http.NewResponseController(w).Flush()
			hang(r)
		}
	}))
	defer s.Close()
	defer close(over)
	var told []string
	c, err := New(Config{URL: s.URL, Silence: 100 * time.Millisecond, Tell: func(text string) { told = append(told, text) }})
	if err != nil {
		t.Fatal(err)
	}
	var got []uint64
	enough := errors.New("enough")
	err = c.Events(t.Context(), "one", 0, true, func(e Event) error {
		if got = append(got, e.ID); e.ID == 2 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || !slices.Equal(got, []uint64{1, 2}) || !slices.Equal(asked, []string{"", "1", "1"}) {
		t.Errorf("events: got %v, %v; asked %q", got, err, asked)
	}
	if len(told) != 2 || !strings.Contains(told[0], "does not answer") || !strings.Contains(told[1], "again") {
		t.Errorf("told %q", told)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, f := range map[string]func() error{
		"job":     func() error { _, err := c.Job(t.Context(), "two"); return err },
		"results": func() error { return c.Results(t.Context(), "one", "", io.Discard) },
		"tap": func() error {
			return c.Tap(t.Context(), "one", "n", Tapping{}, func(coordinator.TapLine) error { return nil })
		},
	} {
		if err := f(); coordinator.FamilyOf(err) != coordinator.Unavailable {
			t.Errorf("%s: got %v, want %s", what, err, coordinator.Unavailable)
		}
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	u := coordinator.Upload{ID: "u", Size: 10}
	if err := c.do(t.Context(), call{method: http.MethodPatch, path: "v1/uploads/u", body: f, out: &u}); coordinator.FamilyOf(err) != coordinator.Unavailable {
		t.Errorf("upload: got %v", err)
	}
}
