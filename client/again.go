package client

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// againFor bounds how long a call waits in all because a coordinator says when to ask again.
const againFor = 15 * time.Second

// soonFor is the longest single wait for a coordinator that can't answer now: one that says more does
// not expect that to pass by itself.
const soonFor = 5 * time.Second

// later reports whether, and after which wait, a request is sent again that was refused for now.
// Nothing of one over a rate was carried out; of one that met no leader something may have been, so
// that it must be one that may come twice.
func later(resp *http.Response, k *call) (wait time.Duration, again bool) {
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || seconds < 0 || k.body != nil {
		return 0, false
	}
	wait = time.Duration(seconds) * time.Second
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
		return wait, true
	case http.StatusServiceUnavailable:
		return wait, wait <= soonFor && (k.method != http.MethodPost && k.method != http.MethodPatch || k.header.Get("Idempotency-Key") != "")
	}
	return 0, false
}

// pause waits, and returns false when ctx ends before that.
func pause(ctx context.Context, d time.Duration) bool {
	if end, bounded := ctx.Deadline(); bounded && time.Until(end) < d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
