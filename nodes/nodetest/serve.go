package nodetest

import (
	"context"
	"io"
	"net"
	"net/http"

	"sluice/nodes"
)

// serve is the network of an example: every connection, wherever to, reaches a server
// that has the given bodies by their URL. It opens no port.
func serve(t tester, bodies map[string]string) func(ctx context.Context, network, address string) (net.Conn, error) {
	t.Helper()
	listener := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := bodies["http://"+r.Host+r.URL.RequestURI()]
		if !ok {
			http.NotFound(w, r)
			return
		}
		io.WriteString(w, body)
	})}
	go server.Serve(listener) // ends with the test, by Close
	t.Cleanup(func() { server.Close() })
	return listener.dial
}

// pipeListener accepts what its own dial connects.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l *pipeListener) dial(ctx context.Context, _, address string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.done:
		return nil, nodes.Permanentf("%s: the example's network is closed", address)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *pipeListener) Close() error {
	close(l.done)
	return nil
}

// Addr implements net.Listener.
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "example", Net: "unix"} }
