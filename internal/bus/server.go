package bus

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"sluice/internal/bus/natsconf"
)

// Defaults of [ServerConfig].
const (
	DefaultMaxPayload = 2 << 20
	DefaultMaxMemory  = 256 << 20
)

// StoreDir is the folder in a server's Dir that holds what is stored; where it is missing
// there is nothing.
const StoreDir = server.JetStreamStoreDir

// NoAccount is the folder in StoreDir of what a server without accounts stores.
const NoAccount = server.DEFAULT_GLOBAL_ACCOUNT

// ServerConfig describes an embedded server. Dir is required.
type ServerConfig struct {
	Dir        string        // where streams are stored; made when absent
	Listen     string        // HOST:PORT (port 0: any free one); "" opens no port
	MaxStore   int64         // bytes of file storage; 0: three quarters of what the disk has free
	MaxMemory  int64         // bytes of memory storage; 0: DefaultMaxMemory
	MaxPayload int32         // bytes of a message; 0: DefaultMaxPayload
	SyncEvery  time.Duration // how often written data is forced to disk; 0: the server's default (2 minutes)
	SyncAlways bool          // force each write to disk before its acknowledgement
	Token      string        // what a client must show; "" lets in everyone who reaches the port
	Log        hclog.Logger  // nil: silent

	// Accounts are who else may connect, and what they may do and store. With any, there is no
	// Token, and who comes by Connect says who it is, too.
	Accounts []natsconf.Account
	// AccountsFile is more of them, as [natsconf.Setup] has written them; "" for none.
	AccountsFile string
	TLS          ServerTLS
	Cluster      Cluster
}

// Server is a NATS server with JetStream inside this process.
type Server struct {
	ns    *server.Server
	log   *serverLog
	lock  *os.File
	token string
	tls   bool

	mu    sync.Mutex
	conns map[*Conn]struct{} // those made by Connect; guarded by mu
	down  bool               // guarded by mu
}

// StartServer starts a server and returns when it is ready. It fails with ErrLocked
// when another process uses the folder.
func StartServer(c ServerConfig) (*Server, error) {
	if c.Dir == "" {
		return nil, errors.New("server: Dir is required")
	}
	opts, err := serverOptions(c)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("server folder: %w", err)
	}
	lock, err := lockDir(c.Dir)
	if err != nil {
		return nil, err
	}
	if c.Log == nil {
		c.Log = hclog.NewNullLogger()
	}
	log := &serverLog{log: c.Log, fatal: make(chan string, 1), broken: make(chan string, 1)}
	var ns *server.Server
	if err = mendMeta(c.Dir, c.Log); err == nil {
		ns, err = launch(opts, log)
	}
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("server on %s: %w", c.Dir, err)
	}
	return &Server{ns: ns, log: log, lock: lock, token: c.Token, tls: opts.TLSConfig != nil, conns: make(map[*Conn]struct{})}, nil
}

func serverOptions(c ServerConfig) (*server.Options, error) {
	opts := &server.Options{}
	if err := c.setAccounts(opts); err != nil {
		return nil, err
	}
	opts.ServerName = cmp.Or(c.Cluster.Server, "sluice")
	opts.StoreDir = c.Dir
	opts.JetStream = true
	opts.JetStreamMaxStore = c.MaxStore
	opts.JetStreamMaxMemory = c.MaxMemory
	if c.MaxMemory == 0 && len(opts.Accounts) == 0 { // else their own limits bound it, which are reserved
		opts.JetStreamMaxMemory = DefaultMaxMemory
	}
	opts.MaxPayload = cmp.Or(c.MaxPayload, DefaultMaxPayload)
	opts.SyncInterval = c.SyncEvery
	opts.SyncAlways = c.SyncAlways
	opts.Authorization = c.Token
	opts.DontListen = c.Listen == ""
	opts.NoSigs = true
	opts.WriteDeadline = 30 * time.Second
	if err := c.TLS.set(opts); err != nil {
		return nil, err
	}
	if err := c.Cluster.set(opts); err != nil {
		return nil, err
	}
	if c.Cluster.Name != "" && c.Listen == "" { // the server looks for others only behind that, and would never end
		return nil, errors.New("server: a member of a cluster needs an address for clients, too")
	}
	var err error
	if c.Listen != "" {
		opts.Host, opts.Port, err = hostPort("listen address", c.Listen)
	}
	return opts, err
}

// hostPort takes HOST:PORT apart, as the server wants it: port 0 is any free one.
func hostPort(what, address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("server: %s: %w", what, err)
	}
	if port, err = strconv.Atoi(text); err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("server: %s %q: want HOST:PORT", what, address)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}

// launch starts the server; what it reports as fatal comes back as the error.
func launch(opts *server.Options, l *serverLog) (*server.Server, error) {
	ns, err := server.NewServer(opts)
	if err != nil {
		return nil, err
	}
	ns.SetLoggerV2(l, l.log.IsDebug(), false, false)
	joins := opts.Cluster.Port != 0
	ns.Start() // returns when it is ready, but for the others' port, or has reported why not
	if err = listening(ns, !opts.DontListen, joins, l); err != nil {
		ns.Shutdown()
		ns.WaitForShutdown()
		return nil, err
	}
	l.started.Store(true)
	return ns, nil
}

// joinWithin bounds the opening of the port for the other servers.
const joinWithin = 10 * time.Second

// listening waits until a started server listens on all its ports.
func listening(ns *server.Server, listens, joins bool, l *serverLog) error {
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for began := time.Now(); ; <-look.C {
		select {
		case text := <-l.fatal:
			return errors.New(text)
		default:
		}
		switch {
		case !ns.JetStreamEnabled(), listens && ns.Addr() == nil:
			return errors.New("not ready after its start")
		case !joins || ns.ClusterAddr() != nil:
			return nil
		case time.Since(began) > joinWithin:
			return errors.New("not ready after its start")
		}
	}
}

// Connect opens a connection inside this process, without a socket. It ends with
// the server.
func (s *Server) Connect(name string, opts ...Option) (*Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return nil, fmt.Errorf("connect: server: %w", ErrClosed)
	}
	inside := func(o *options) { o.nats = append(o.nats, nats.InProcessServer(s.ns)) }
	c, err := Dial("", name, append(opts, Token(s.token), inside)...)
	if err != nil {
		return nil, err
	}
	s.conns[c], c.inside = struct{}{}, s
	c.onClose = func() {
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}
	return c, nil
}

// Broken yields once, with the reason, when the server can't write a file any more. What
// it has acknowledged is safe, but who publishes may get no answer from now on.
func (s *Server) Broken() <-chan string { return s.log.broken }

// URL is where clients of other processes connect to, "" when no port is open.
func (s *Server) URL() string {
	if a, ok := s.ns.Addr().(*net.TCPAddr); ok {
		if s.tls {
			return "tls://" + dialable(a)
		}
		return "nats://" + dialable(a)
	}
	return ""
}

// Shutdown closes the connections made by Connect and stops the server; it returns
// when everything is written and the folder is free. More calls do nothing.
func (s *Server) Shutdown() {
	s.mu.Lock()
	down := s.down
	s.down = true
	conns := make([]*Conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	s.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
	s.ns.Shutdown()
	s.ns.WaitForShutdown()
	if !down {
		s.lock.Close()
	}
}
