package api

import (
	"io"
	"net/http"
	"time"
)

// body is a request's body that nobody waits for any more once it is closed. The server would
// read on to its end, for as long as a body may take, before it answers that it is too large.
type body struct {
	io.ReadCloser
	control *http.ResponseController
	whole   bool
}

// impatient makes the body of a request one.
func impatient(w http.ResponseWriter, r *http.Request) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &body{ReadCloser: r.Body, control: http.NewResponseController(w)}
	}
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.whole = b.whole || err == io.EOF
	return n, err
}

// Close implements io.Closer.
func (b *body) Close() error {
	if !b.whole {
		_ = b.control.SetReadDeadline(time.Now()) // where it can't be set, the end is waited for
	}
	return b.ReadCloser.Close()
}
