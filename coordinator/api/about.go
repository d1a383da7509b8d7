package api

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/klauspost/compress/gzhttp"

	"sluice/coordinator"
)

// about is what is known of a request beside what the request itself says.
type about struct {
	object string // what was made, for the audit log; of the goroutine that serves, as status
	status int    // of an answer that was written past the framework; 0: it was not

	mu  sync.Mutex
	cut bool // nothing is written any more; guarded by mu
}

func aboutOf(ctx context.Context) *about {
	a, _ := ctx.Value(keyAbout).(*about)
	if a == nil {
		a = &about{}
	}
	return a
}

// made says what a request has made, for the audit log.
func made(ctx context.Context, object string) { aboutOf(ctx).object = object }

// streamed is the request, and the writer, of an answer that is written as it comes. The
// request's context is that of the operation: it ends with its time, and when who asks is not
// good any more.
func streamed(ctx context.Context, h huma.Context) (*http.Request, http.ResponseWriter) {
	r, w := humago.Unwrap(h)
	return r.WithContext(ctx), &told{unpacked(w), aboutOf(ctx)}
}

// copied is streamed for what is there already, and comes as fast as it is taken: it may be compressed.
func copied(ctx context.Context, h huma.Context) (*http.Request, http.ResponseWriter) {
	r, w := humago.Unwrap(h)
	return r.WithContext(ctx), &told{w, aboutOf(ctx)}
}

// unpacked is the writer behind the compression: that holds the header back until something is
// written, and what is written as it comes may be long in coming.
func unpacked(w http.ResponseWriter) http.ResponseWriter {
	if z, packs := w.(*gzhttp.GzipResponseWriter); packs {
		return z.Unwrap()
	}
	return w
}

// errCut says that an answer is not written to its end.
var errCut = errors.New("who asks is not known any more")

// told remembers how a request was answered, and writes nothing to who was cut off.
type told struct {
	http.ResponseWriter
	about *about
}

// WriteHeader implements http.ResponseWriter.
func (t *told) WriteHeader(status int) {
	if t.about.status == 0 {
		t.about.status = status
	}
	t.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (t *told) Write(b []byte) (int, error) {
	t.about.mu.Lock()
	cut := t.about.cut
	t.about.mu.Unlock()
	if cut {
		return 0, errCut
	}
	return t.ResponseWriter.Write(b)
}

// SetWriteDeadline is for http.ResponseController: who was cut off gets no more time.
func (t *told) SetWriteDeadline(at time.Time) error {
	t.about.mu.Lock()
	defer t.about.mu.Unlock()
	if t.about.cut {
		return errCut
	}
	return http.NewResponseController(t.ResponseWriter).SetWriteDeadline(at)
}

// Unwrap is for http.ResponseController.
func (t *told) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// end has nobody read or write any more. A writer that knows no deadlines sees the context.
func (a *about) end(w http.ResponseWriter) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cut = true
	control, now := http.NewResponseController(w), time.Now()
	_, _ = control.SetReadDeadline(now), control.SetWriteDeadline(now)
}

// whileGood calls cancel, and cuts the request off, when who asks is not good any
// more: within 5 s of the key's revocation. The caller calls stop when it has answered.
func (s *server) whileGood(h huma.Context, p coordinator.Principal, a *about, cancel func()) (stop func()) {
	ended, unwatch := s.cfg.Auth.Watch(p)
	over, done := make(chan struct{}), make(chan struct{})
	_, w := humago.Unwrap(h)
	go func() {
		defer close(done)
		select {
		case <-over:
		case <-ended:
			a.end(w)
			cancel()
			s.log.Info("a request was cut off: its key is not good any more", "request", requestID(h.Context()), "operation", h.Operation().OperationID)
		}
	}()
	return func() {
		unwatch()
		close(over)
		<-done
	}
}
