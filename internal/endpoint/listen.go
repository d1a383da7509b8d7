package endpoint

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/hashicorp/go-hclog"
)

// Config says where to listen, and how. Address must be set.
type Config struct {
	Address   string // HOST:PORT; without a host, all addresses of the machine; port 0 is any free one
	Cert, Key string // PEM files; read again when they change. Both, or neither: then there is no TLS
	// Insecure allows to listen without TLS on addresses that other machines can reach.
	Insecure bool
	What     string // listens there, for errors and the log: "the API"
	Log      hclog.Logger
}

// resolveWithin bounds how long a host's name is looked up.
const resolveWithin = 5 * time.Second

// ErrExposed says that an address is refused since others can reach it and there is no TLS.
var ErrExposed = errors.New("other machines can reach it")

// Listen opens a listener. Without TLS, an address off loopback is refused with [ErrExposed], or
// logged as a warning if c.Insecure says so. The connections that it accepts speak TLS 1.2 or
// later where c has a certificate, and then offer HTTP/2 and HTTP/1.1. A certificate whose files
// change is used within 10 s, for new connections; see [Reread].
func Listen(ctx context.Context, c Config) (net.Listener, error) {
	address, err := Allow(ctx, c)
	if err != nil {
		return nil, err
	}
	k, err := certificateOf(c)
	if err != nil {
		return nil, err
	}
	plain, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.what(), err)
	}
	if k == nil {
		return plain, nil
	}
	return &secured{tls.NewListener(plain, k.config()), k}, nil
}

// secured is a listener with a certificate.
type secured struct {
	net.Listener
	k *certificate
}

// Reread has the certificate of a listener of [Listen] read again at the next connection, if its
// files have changed: at once rather than within 10 s. Others it leaves alone.
func Reread(l net.Listener) {
	if s, ok := l.(*secured); ok {
		s.k.hurry()
	}
}

// Allow holds an address to the rule of [Listen] without opening it, for those that open their
// own listener. It returns the address with the host as a number: what was checked is then what
// is listened on, whatever a name means a moment later.
func Allow(ctx context.Context, c Config) (string, error) {
	host, port, err := net.SplitHostPort(c.Address)
	if err != nil {
		return "", fmt.Errorf("%s: %q is no address: %w", c.what(), c.Address, err)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fmt.Errorf("%s: %q has no port from 0 to 65535", c.what(), c.Address)
	}
	if (c.Cert == "") != (c.Key == "") {
		return "", fmt.Errorf("%s: a certificate needs its key, and a key its certificate", c.what())
	}
	address, local := net.JoinHostPort("", port), false
	if host != "" {
		at, err := resolve(ctx, host)
		if err != nil {
			return "", fmt.Errorf("%s: %w", c.what(), err)
		}
		address, local = net.JoinHostPort(at.String(), port), at.Unmap().IsLoopback()
	}
	switch {
	case local || c.Cert != "":
	case !c.Insecure:
		return "", fmt.Errorf("%s does not listen on %s without TLS: %w; give it a certificate and a key, or allow it with --insecure-listen",
			c.what(), c.Address, ErrExposed)
	case c.Log != nil:
		c.Log.Warn("listens without TLS where other machines can reach it: keys and data are readable on the way", "what", c.what(), "address", c.Address)
	}
	return address, nil
}

func (c *Config) what() string {
	if c.What == "" {
		return "the server"
	}
	return c.What
}

// resolve returns an address of a host, one of IPv4 where there is one. A name that means
// loopback and something else too is taken as the latter.
func resolve(ctx context.Context, host string) (netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveWithin)
	defer cancel()
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("look %s up: %w", host, err)
	}
	return pick(all), nil
}

func pick(all []netip.Addr) netip.Addr {
	best := all[0].Unmap()
	for _, a := range all[1:] {
		a = a.Unmap()
		if best.IsLoopback() != a.IsLoopback() {
			if best.IsLoopback() {
				best = a
			}
			continue
		}
		if a.Is4() && !best.Is4() {
			best = a
		}
	}
	return best
}
