package client

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"sluice/coordinator"
)

// answers is a transport that gives answers in turn, the last one again and again.
type answers struct {
	all  []answer
	seen int
}

type answer struct {
	status int
	after  string // Retry-After
}

// RoundTrip implements http.RoundTripper.
func (a *answers) RoundTrip(*http.Request) (*http.Response, error) {
	one := a.all[min(a.seen, len(a.all)-1)]
	a.seen++
	w := httptest.NewRecorder()
	if one.after != "" {
		w.Header().Set("Retry-After", one.after)
	}
	w.WriteHeader(one.status)
	code := map[int]coordinator.Family{429: coordinator.OverLimit, 503: coordinator.Unavailable, 404: coordinator.Unknown}[one.status]
	fmt.Fprintf(w, `{"code":%q,"detail":"refused","id":"one"}`, code)
	return w.Result(), nil
}

// TestAgain: a call is sent again when the coordinator says when, if it may be, within a bound.
func TestAgain(t *testing.T) {
	unavailable, tooOften := answer{503, "2"}, answer{429, "3"}
	for name, x := range map[string]struct {
		answers []answer
		key     string
		post    bool
		asked   int
		took    time.Duration
		fault   coordinator.Family
	}{
		"good":                             {answers: []answer{{200, ""}}, asked: 1},
		"no leader for a moment":           {answers: []answer{unavailable, unavailable, {200, ""}}, asked: 3, took: 4 * time.Second},
		"too often":                        {answers: []answer{tooOften, {200, ""}}, asked: 2, took: 3 * time.Second},
		"too often, what may not be twice": {answers: []answer{tooOften, {200, ""}}, post: true, asked: 2, took: 3 * time.Second},
		"no leader, what may not be twice": {answers: []answer{unavailable, {200, ""}}, post: true, asked: 1, fault: coordinator.Unavailable},
		"no leader, with a key":            {answers: []answer{unavailable, {200, ""}}, post: true, key: "k", asked: 2, took: 2 * time.Second},
		"no leader for long":               {answers: []answer{unavailable}, asked: 8, took: 14 * time.Second, fault: coordinator.Unavailable},
		"later than is soon":               {answers: []answer{{503, "10"}}, asked: 1, fault: coordinator.Unavailable},
		"later than is waited":             {answers: []answer{{503, "60"}}, asked: 1, fault: coordinator.Unavailable},
		"nothing is said":                  {answers: []answer{{503, ""}}, asked: 1, fault: coordinator.Unavailable},
		"a quota":                          {answers: []answer{{429, ""}}, asked: 1, fault: coordinator.OverLimit},
		"nonsense":                         {answers: []answer{{503, "-1"}}, asked: 1, fault: coordinator.Unavailable},
		"another fault":                    {answers: []answer{{404, "1"}}, asked: 1, fault: coordinator.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &answers{all: x.answers}
				c, err := New(Config{URL: "http://127.0.0.1:1"})
				if err != nil {
					t.Fatal(err)
				}
				c.http.Transport = a
				began := time.Now()
				if x.post {
					_, err = c.Submit(t.Context(), coordinator.Submission{}, x.key)
				} else {
					_, err = c.Job(t.Context(), "one")
				}
				if got := coordinator.FamilyOf(err); got != x.fault || a.seen != x.asked || time.Since(began) != x.took {
					t.Errorf("got %v after %d tries and %v, want %q, %d, %v", err, a.seen, time.Since(began), x.fault, x.asked, x.took)
				}
			})
		})
	}
}
