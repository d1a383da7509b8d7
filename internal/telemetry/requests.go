package telemetry

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// unmatched is the operation of a request that no route took.
const unmatched = "unmatched"

// mostOperations bounds the operations that are told apart, and so the series.
const mostOperations = 200

// Requests counts and times the requests to next, by operation and status, and traces them. The
// operation is what [Operation] says, else the pattern of the http.ServeMux that routed the
// request. A connection that becomes a WebSocket counts with the time until it did.
func (m *Metrics) Requests(t *Tracer, next http.Handler) http.Handler {
	names := &bounded{most: mostOperations}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		op := &operation{}
		ctx := context.WithValue(r.Context(), operationKey{}, op)
		ctx, span := t.request(ctx, r)
		r = r.WithContext(ctx)
		a := &answer{ResponseWriter: w}
		a.done = func(status int) {
			name := op.named()
			if name == "" {
				name = r.Pattern
			}
			if name == "" {
				name = unmatched
			}
			name = names.label(name)
			m.observe(name, status, time.Since(begun))
			span.end(name, status)
		}
		status := http.StatusInternalServerError // of a handler that panics before it answers
		defer func() { a.finish(status) }()
		next.ServeHTTP(a, r)
		status = http.StatusOK
	})
}

func (m *Metrics) observe(name string, status int, took time.Duration) {
	m.requests.With(prometheus.Labels{"operation": name, "status": strconv.Itoa(status)}).Observe(took.Seconds())
}

// operation is what a request turned out to ask for.
type operation struct {
	mu   sync.Mutex
	name string // guarded by mu
}

type operationKey struct{}

func (o *operation) named() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.name
}

// Operation says which operation a request is, for metrics and traces: one of a fixed set. Of a
// context that is of no request it does nothing.
func Operation(ctx context.Context, name string) {
	if o, ok := ctx.Value(operationKey{}).(*operation); ok {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.name = name
	}
}

// answer notes the status.
type answer struct {
	http.ResponseWriter
	status int
	once   sync.Once
	done   func(status int)
}

// WriteHeader implements http.ResponseWriter. Statuses below 200 come before the answer.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && (status >= http.StatusOK || status == http.StatusSwitchingProtocols) {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(b)
}

// Unwrap serves http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Flush implements http.Flusher.
func (a *answer) Flush() { _ = http.NewResponseController(a.ResponseWriter).Flush() }

// Hijack implements http.Hijacker: what comes now is a session, and no answer.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(a.ResponseWriter).Hijack()
	if err == nil {
		a.finish(http.StatusSwitchingProtocols)
	}
	return c, rw, err
}

// finish tells how the request ended, once; status is that of an answer that named none.
func (a *answer) finish(status int) {
	a.once.Do(func() {
		if a.status != 0 {
			status = a.status
		}
		a.done(status)
	})
}
