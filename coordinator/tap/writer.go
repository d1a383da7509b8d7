package tap

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"sluice/coordinator"
)

// chunk is how many bytes are written at once.
const chunk = 64 << 10

// writer writes lines. Each piece of them has to be taken within a time, and all of them before
// the last moment.
type writer struct {
	buf *bufio.Writer
	to  *pieces
	err error // the first one
}

func newWriter(w http.ResponseWriter, wait time.Duration, last time.Time) *writer {
	p := &pieces{w: w, control: http.NewResponseController(w), wait: wait, last: last}
	return &writer{buf: bufio.NewWriterSize(p, chunk), to: p}
}

func (w *writer) write(b []byte) {
	if w.err == nil {
		_, w.err = w.buf.Write(b)
	}
}

func (w *writer) line(l coordinator.TapLine) {
	b, err := json.Marshal(l)
	if w.err == nil {
		w.err = err
	}
	w.write(append(b, '\n'))
}

// gap tells what was left out, if anything was, and adds it to the sum.
func (w *writer) gap(g coordinator.TapGap, shown *coordinator.TapEnd) {
	if g.Any() {
		shown.LeftOut.Add(g)
		w.line(coordinator.TapLine{Gap: &g})
	}
}

func (w *writer) flush() {
	if w.err == nil {
		w.err = w.buf.Flush()
	}
	if w.err == nil {
		w.err = w.to.flush()
	}
}

// pieces writes what it is given piece by piece.
type pieces struct {
	w       io.Writer
	control *http.ResponseController
	wait    time.Duration
	last    time.Time
}

// Write implements io.Writer.
func (p *pieces) Write(b []byte) (n int, err error) {
	for len(b) > 0 && err == nil {
		var m int
		if err = p.extend(); err == nil {
			m, err = p.w.Write(b[:min(len(b), chunk)])
		}
		n, b = n+m, b[m:]
	}
	return n, err
}

func (p *pieces) flush() error {
	if err := p.extend(); err != nil {
		return err
	}
	return p.control.Flush()
}

// extend gives the reader time for the next piece.
func (p *pieces) extend() error {
	until := time.Now().Add(p.wait)
	if until.After(p.last) {
		until = p.last
	}
	if err := p.control.SetWriteDeadline(until); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}
