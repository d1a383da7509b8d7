package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/coordinator"
)

// TestEventsAreWhole lists events where the first answers are cut off, or end early: each comes
// once, and none is left out.
func TestEventsAreWhole(t *testing.T) {
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		switch r.URL.Query().Get("since") {
		case "":
			fmt.Fprintln(w, `{"id":1,"type":"print"}`) // and no end
		case "1":
			fmt.Fprintln(w, `{"id":2,"type":"print"}`+"\n"+`{"id":2,"type":"end","data":{"again":true}}`)
		case "2":
			fmt.Fprintln(w, `{"id":3,"type":"print"}`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case "3":
			fmt.Fprintln(w, `{"id":4,"type":"print"}`+"\n"+`{"id":4,"type":"end","data":{"again":false}}`)
		}
	}))
	defer s.Close()
	c, err := New(Config{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	var got []uint64
	err = c.Events(t.Context(), "one", 0, false, func(e Event) error { got = append(got, e.ID); return nil })
	if err != nil || !slices.Equal(got, []uint64{1, 2, 3, 4}) || asked != 4 {
		t.Errorf("got %v, %v after %d requests", got, err, asked)
	}
}

// TestEventsEnd: who follows a job does not wait for ever for a coordinator that is away, and is told
// how to go on; one that comes back within the time is gone on with.
func TestEventsEnd(t *testing.T) {
	asked, back := atomic.Int32{}, int32(3)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) < back {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprintln(w, `{"id":1,"type":"end","data":{"again":false}}`)
	}))
	defer s.Close()
	for patience, want := range map[time.Duration]coordinator.Family{time.Nanosecond: coordinator.Unavailable, time.Minute: ""} {
		c, err := New(Config{URL: s.URL, Patience: patience})
		if err != nil {
			t.Fatal(err)
		}
		asked.Store(0)
		err = c.Events(t.Context(), "one", 0, true, func(Event) error { return nil })
		var f *coordinator.Fault
		if got := coordinator.FamilyOf(err); got != want || errors.As(err, &f) && !strings.Contains(f.Hint, "sluice logs -f one") {
			t.Errorf("with a patience of %s: got %q %v, want %q", patience, got, err, want)
		}
	}
}

// TestResultsAreWhole: an answer that is cut off is an error that says so.
func TestResultsAreWhole(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, `"one"`)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer s.Close()
	c, err := New(Config{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	if err := c.Results(t.Context(), "one", "", &got); err == nil || !strings.Contains(err.Error(), "broke off after 6 bytes") {
		t.Errorf("got %v after %q", err, got.String())
	}
}
