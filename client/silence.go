package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// DefaultSilence is how long nothing may come of a coordinator: three heartbeats of its streams.
const DefaultSilence = 45 * time.Second

// DefaultPatience is how long who follows a job waits for a coordinator that is away: longer than one
// takes to be started anew.
const DefaultPatience = 5 * time.Minute

// sentWait is how much longer it may be where a body goes along, which may be on its way still.
const sentWait = 3

// errSilent ends what waits for a coordinator that says nothing, as one that hangs.
var errSilent = errors.New("it says nothing any more")

// silence cuts a request off of which nothing is heard. The time in which nobody listens does not
// count.
type silence struct {
	wait  time.Duration
	timer *time.Timer
	ctx   context.Context
	cut   context.CancelCauseFunc
}

func listen(ctx context.Context, wait time.Duration) *silence {
	ctx, cut := context.WithCancelCause(ctx)
	return &silence{wait: wait, ctx: ctx, cut: cut, timer: time.AfterFunc(wait, func() { cut(errSilent) })}
}

// why returns the error of what was cut off by the silence as errSilent.
func (s *silence) why(err error) error {
	if err != nil && !errors.Is(err, io.EOF) && errors.Is(context.Cause(s.ctx), errSilent) {
		return errSilent
	}
	return err
}

func (s *silence) end() {
	s.timer.Stop()
	s.cut(nil)
}

// sending is a body that is taken.
type sending struct {
	from io.Reader
	s    *silence
}

// Read implements io.Reader.
func (b *sending) Read(p []byte) (int, error) {
	b.s.timer.Reset(b.s.wait)
	return b.from.Read(p)
}

// heard is the body of an answer.
type heard struct {
	io.ReadCloser
	s *silence
}

// Read implements io.Reader.
func (b *heard) Read(p []byte) (int, error) {
	b.s.timer.Reset(b.s.wait)
	n, err := b.ReadCloser.Read(p)
	b.s.timer.Stop()
	return n, b.s.why(err)
}

// Close implements io.Closer.
func (b *heard) Close() error {
	defer b.s.end()
	return b.ReadCloser.Close()
}

// send sends a request. The body of the answer has to be closed.
func (s *silence) send(c *http.Client, req *http.Request) (*http.Response, error) {
	resp, err := c.Do(req)
	s.timer.Stop()
	if err != nil {
		err = s.why(err)
		s.end()
		return nil, err
	}
	resp.Body = &heard{resp.Body, s}
	return resp, nil
}
