package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/internal/endpoint"
)

// Bounds of the server of [Serve].
const (
	headerWithin = 5 * time.Second
	answerWithin = scrapeWithin + 5*time.Second
	idleFor      = time.Minute
	maxHeader    = 16 << 10
	connections  = 64
	closeWithin  = 2 * time.Second
)

// Serve answers requests to what is small and quick, such as [Handler], until ctx ends, and then
// gives those in hand two seconds. It closes the listener.
func Serve(ctx context.Context, l net.Listener, h http.Handler, log hclog.Logger) error {
	if log == nil {
		log = hclog.NewNullLogger()
	}
	s := &http.Server{
		Handler: http.MaxBytesHandler(h, 0), ReadHeaderTimeout: headerWithin, ReadTimeout: headerWithin, WriteTimeout: answerWithin,
		IdleTimeout: idleFor, MaxHeaderBytes: maxHeader, ErrorLog: log.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}),
	}
	endpoint.NewCrowd(connections).Bound(s)
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWithin)
		defer cancel()
		if s.Shutdown(within) != nil {
			_ = s.Close()
		}
	})
	err := s.Serve(l)
	if !stop() {
		<-ended
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve %s: %w", l.Addr(), err)
}
