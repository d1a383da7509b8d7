package api

import (
	"io"
	"net/http"
)

// body is a request's body of which nobody waits for what was not read. The server would read on
// to its end, for as long as a body may take, before it answers that it is too large; where the
// connection ends with the answer, it does not.
type body struct {
	io.ReadCloser
	header http.Header // of the answer
	whole  bool
}

// impatient makes the body of a request one. It is given a copy of the server's request: by the
// body of its own the server knows whether something of it is still coming, and then leaves the
// client time to read the answer before it cuts the connection.
func impatient(w http.ResponseWriter, r *http.Request) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &body{ReadCloser: r.Body, header: w.Header()}
	}
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.whole = b.whole || err == io.EOF
	return n, err
}

// Close implements io.Closer. What was not read the server itself closes, behind the answer.
func (b *body) Close() error {
	if b.whole {
		return b.ReadCloser.Close()
	}
	b.header.Set("Connection", "close")
	return nil
}
