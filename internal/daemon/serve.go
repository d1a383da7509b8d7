package daemon

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/internal/endpoint"
)

// Bounds of the API's connections. What is transferred, or followed, has bounds of its own.
const (
	headerWait = 5 * time.Second
	idleWait   = 2 * time.Minute
	maxHeader  = 64 << 10
	// PassWait is how long 64 KiB of a body or an answer may take; see endpoint.Timely.
	PassWait = 30 * time.Second
	// streamGrace is how long what is followed may go on when the service ends: a client goes on
	// with another coordinator.
	streamGrace = time.Second
)

// Serving says how HTTP is served. The zero value is good.
type Serving struct {
	Within      time.Duration // for what it is at when it ends
	PassWait    time.Duration // 0 is PassWait
	Connections int           // at most; 0 is endpoint.DefaultConnections
	// Crowded is told of connections over the bound; see endpoint.Crowd. Nil is not.
	Crowded func(address string, r *http.Request)
	Log     hclog.Logger
}

// Serve answers HTTP on a listener until ctx ends, and then finishes what it is at, for as long
// as it may.
func Serve(ctx context.Context, ln net.Listener, h http.Handler, c Serving) error {
	log, wait := c.Log, cmp.Or(c.PassWait, PassWait)
	if log == nil {
		log = hclog.NewNullLogger()
	}
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	server := &http.Server{Handler: endpoint.Timely(h, wait), ReadHeaderTimeout: headerWait, IdleTimeout: idleWait, MaxHeaderBytes: maxHeader, HTTP2: &http.HTTP2Config{WriteByteTimeout: wait},
		BaseContext: func(net.Listener) context.Context { return base },
		ErrorLog:    log.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug})}
	crowd := endpoint.NewCrowd(c.Connections)
	if c.Crowded != nil {
		crowd.Told = c.Crowded
	}
	crowd.Bound(server)
	done := make(chan error, 1)
	go func() { done <- server.Serve(ln) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.Within)
	defer cancel()
	time.AfterFunc(min(c.Within, streamGrace), cut)
	err := server.Shutdown(stop)
	if errors.Is(err, context.DeadlineExceeded) {
		log.Warn("requests were cut off at the end")
		err = server.Close()
	}
	<-done
	return err
}
