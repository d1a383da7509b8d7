package endpoint

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// piece is how many bytes have to pass within the wait of [Timely].
const piece = 64 << 10

// Timely bounds how long a client may leave an answer unread, or its own body unsent: each
// 64 KiB have to pass within so long a wait, in which the time that next itself takes does not
// count. A client that is slower is cut off. What next sets deadlines for by itself, by
// http.ResponseController, it leaves alone.
func Timely(next http.Handler, wait time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := &timely{ResponseWriter: w, control: http.NewResponseController(w), out: pace{wait: wait}}
		in := &timelyBody{ReadCloser: r.Body, of: t, in: pace{wait: wait}}
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = in
		}
		defer t.last(wait)
		next.ServeHTTP(t, r)
	})
}

// pace gives each piece its time.
type pace struct {
	wait, spent time.Duration
	passed      int
}

// within is the moment by which what is under way has to be done.
func (p *pace) within() time.Time { return time.Now().Add(p.wait - p.spent) }

func (p *pace) took(n int, began time.Time) {
	p.spent += time.Since(began)
	if p.passed += n; p.passed >= piece {
		p.spent, p.passed = 0, 0
	}
}

// timely is an answer that has to be taken.
type timely struct {
	http.ResponseWriter
	control             *http.ResponseController
	out                 pace
	ownWrite, ownRead   bool // who answers sets the deadlines
	hijacked, bodyEnded bool
}

// Write implements http.ResponseWriter.
func (t *timely) Write(b []byte) (n int, err error) {
	if t.ownWrite {
		return t.ResponseWriter.Write(b)
	}
	for first := true; first || len(b) > 0 && err == nil; first = false {
		var m int
		err = t.timed(func() (int, error) {
			m, err = t.ResponseWriter.Write(b[:min(len(b), piece)])
			return m, err
		})
		n, b = n+m, b[m:]
	}
	return n, err
}

// timed writes within the time. A deadline is left on nothing: with HTTP/2 it ends what only waits.
func (t *timely) timed(write func() (int, error)) error {
	began := time.Now()
	if err := supported(t.control.SetWriteDeadline(t.out.within())); err != nil {
		return err
	}
	n, err := write()
	t.out.took(n, began)
	if err != nil {
		return err
	}
	return supported(t.control.SetWriteDeadline(time.Time{}))
}

// FlushError serves http.ResponseController.
func (t *timely) FlushError() error {
	if t.ownWrite {
		return t.control.Flush()
	}
	return t.timed(func() (int, error) { return 0, t.control.Flush() })
}

// Flush implements http.Flusher.
func (t *timely) Flush() { _ = t.FlushError() }

// SetWriteDeadline serves http.ResponseController.
func (t *timely) SetWriteDeadline(at time.Time) error {
	t.ownWrite = true
	return t.control.SetWriteDeadline(at)
}

// SetReadDeadline serves http.ResponseController.
func (t *timely) SetReadDeadline(at time.Time) error {
	t.ownRead = true
	return t.control.SetReadDeadline(at)
}

// Hijack implements http.Hijacker.
func (t *timely) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := t.control.Hijack()
	t.hijacked = err == nil
	return c, rw, err
}

// Unwrap serves http.ResponseController.
func (t *timely) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// last bounds what the server does behind the handler: it sends the rest of the answer, and reads
// that of the body.
func (t *timely) last(wait time.Duration) {
	if t.hijacked {
		return
	}
	at := time.Now().Add(wait)
	_ = t.control.SetWriteDeadline(at) // where it is not supported there is nothing to bound
	if !t.bodyEnded && !t.ownRead {
		_ = t.control.SetReadDeadline(at)
	}
}

func supported(err error) error {
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

// timelyBody is a body that has to come.
type timelyBody struct {
	io.ReadCloser
	of *timely
	in pace
}

// Read implements io.Reader.
func (b *timelyBody) Read(p []byte) (int, error) {
	began := time.Now()
	if !b.of.ownRead {
		if err := supported(b.of.control.SetReadDeadline(b.in.within())); err != nil {
			return 0, err
		}
	}
	n, err := b.ReadCloser.Read(p)
	b.in.took(n, began)
	if b.of.bodyEnded = b.of.bodyEnded || errors.Is(err, io.EOF); b.of.bodyEnded || !b.of.ownRead && err == nil {
		_ = b.of.control.SetReadDeadline(time.Time{}) // as the one before
	}
	return n, err
}
