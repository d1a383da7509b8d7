package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/api"
)

// deleted reports whether what broke off was a download whose artifact was deleted meanwhile.
func (f *fuzzer) deleted(path string) bool {
	id, download := strings.CutSuffix(strings.TrimPrefix(path, "/v1/artifacts/"), "/content")
	for line := range strings.Lines(f.log.String()) {
		if download && strings.Contains(line, "its artifact was deleted meanwhile") && strings.Contains(line, "artifact="+id+" ") {
			return true
		}
	}
	return false
}

// slow is how long an answer may take at most; the short form is that of the race detector, whose
// programs take up to twenty times as long.
func slow() time.Duration {
	if testing.Short() {
		return 20 * time.Second
	}
	return time.Second
}

// watch notes when the machine is too busy for a clock that ticks every 10 ms.
func (f *fuzzer) watch(ctx context.Context) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for last := time.Now(); ctx.Err() == nil; last = time.Now() {
		<-tick.C
		if time.Since(last) > 250*time.Millisecond {
			f.stalled.Store(time.Now().UnixNano())
		}
	}
}

// wrong says what is wrong with an answer, "" where nothing is.
func (f *fuzzer) wrong(o *operation, req *http.Request, resp *http.Response, body []byte, took time.Duration, mark string) string {
	switch status, kind := resp.StatusCode, resp.Header.Get("Content-Type"); {
	case took > slow() && !streams[o.ID]:
		return "too slow"
	case bytes.Contains(body, []byte(mark)) && (o.ID == "set-secret" || status == http.StatusUnauthorized):
		return "what was sent is sent back"
	case resp.Header.Get("X-Request-Id") == "":
		return "no request id"
	case req.Method == o.method && !o.tells(status):
		return "a status that the description does not have"
	case req.Method == http.MethodHead || resp.Header.Get("Content-Encoding") != "" || status == http.StatusNotModified:
		return ""
	case status < 300:
		if strings.HasPrefix(kind, "application/json") && !json.Valid(body) {
			return "no JSON"
		}
		return ""
	case status < 400:
		return ""
	case kind != "application/problem+json":
		return "an error that is no problem but " + kind
	default:
		return problemFault(status, body, resp.Header.Get("X-Request-Id"))
	}
}

func problemFault(status int, body []byte, id string) string {
	var p api.Problem
	switch err := json.Unmarshal(body, &p); {
	case err != nil:
		return err.Error()
	case p.Status != status, p.Code == "", p.Detail == "", p.Title == "", p.RequestID != id:
		return "no whole problem"
	case len(body) > 64<<10:
		return "a problem of " + strconv.Itoa(len(body)) + " bytes"
	case status >= 500 && (status != http.StatusServiceUnavailable || p.Code != coordinator.Unavailable):
		return "an error inside"
	}
	return ""
}
