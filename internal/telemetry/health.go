package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of the checks of readiness.
const (
	checkWithin = 2 * time.Second // a check that takes longer has not passed
	checkEvery  = time.Second     // more often than that the last answer is given again
	checkText   = 300             // bytes of what a check says
)

// Health answers whether a service lives and is ready. The zero value has no checks, and is
// ready. Its methods may be called from any goroutine.
type Health struct {
	mu      sync.Mutex
	checks  []*check  // guarded by mu
	leaving time.Time // guarded by mu; zero while it is not
	asking  sync.Mutex
	asked   time.Time // guarded by asking
}

// check is one check and what came of it last.
type check struct {
	name string
	ask  func(context.Context) error
	open atomic.Bool // it was asked and has not answered

	// guarded by Health.mu
	known bool
	fault string // "" when it passed
	since time.Time
}

// State is what /readyz says of one check.
type State struct {
	Name  string    `json:"name"`
	Ready bool      `json:"ready"`
	Fault string    `json:"fault,omitempty"` // why it is not
	Since time.Time `json:"since"`           // when it was first seen so
}

// Ready is the body of /readyz.
type Ready struct {
	Ready  bool    `json:"ready"`
	Checks []State `json:"checks"`
}

// Check adds a check, such as of a connection, by which the service is ready when ask returns
// nil. Its error is shown to whoever asks, so it holds no secret. It is given 2 seconds and asked
// once a second at most.
func (h *Health) Check(name string, ask func(context.Context) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks = append(h.checks, &check{name: name, ask: ask})
}

// Leave says that the service ends: it is ready no more, so that nothing new is sent to it.
func (h *Health) Leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.leaving.IsZero() {
		h.leaving = time.Now()
	}
}

// Ready asks all checks, at once, unless they were asked in the last second.
func (h *Health) Ready(ctx context.Context) Ready {
	h.asking.Lock() // who comes meanwhile gets the same answer
	defer h.asking.Unlock()
	if time.Since(h.asked) >= checkEvery {
		h.ask(context.WithoutCancel(ctx)) // others wait for the answer, too
		h.asked = time.Now()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	all := Ready{Ready: true, Checks: []State{}}
	for _, c := range h.checks {
		if c.known { // not added a moment ago
			all.Checks = append(all.Checks, State{Name: c.name, Ready: c.fault == "", Fault: c.fault, Since: c.since})
			all.Ready = all.Ready && c.fault == ""
		}
	}
	if !h.leaving.IsZero() {
		all.Ready = false
		all.Checks = append(all.Checks, State{Name: "stays", Fault: "the service is about to end", Since: h.leaving.UTC()})
	}
	return all
}

// ask asks all checks at the same time. One that does not answer in time is left behind: it
// is asked anew when it has come back.
func (h *Health) ask(ctx context.Context) {
	h.mu.Lock()
	checks := append([]*check(nil), h.checks...)
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	var all sync.WaitGroup
	for _, c := range checks {
		all.Go(func() { h.note(c, c.within(ctx)) })
	}
	all.Wait()
}

// within asks the check, and returns when the time is over even if it does not.
func (c *check) within(ctx context.Context) error {
	if c.open.Swap(true) {
		return errors.New("no answer to an earlier question")
	}
	answer := make(chan error, 1)
	go func() {
		defer c.open.Store(false)
		defer func() {
			if p := recover(); p != nil {
				answer <- errors.New("the check went wrong")
			}
		}()
		answer <- c.ask(ctx)
	}()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return fmt.Errorf("no answer in %v", checkWithin)
	}
}

// note takes the answer of a check.
func (h *Health) note(c *check, err error) {
	fault := ""
	if err != nil {
		if fault = err.Error(); len(fault) > checkText {
			fault = fault[:checkText] + "…"
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !c.known || (c.fault == "") != (fault == "") {
		c.since = time.Now().UTC()
	}
	c.known, c.fault = true, fault
}

// Handler serves /healthz, /readyz and, unless metrics is nil, /metrics; for GET and HEAD alone.
// It asks for no credentials.
func Handler(h *Health, metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("alive\n"))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ready := h.Ready(r.Context())
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if !ready.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(ready)
	})
	if metrics != nil {
		mux.Handle("GET /metrics", metrics)
	}
	return mux
}
