package bus

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/nats-io/nats-server/v2/server"

	"sluice/internal/bus/natsconf"
)

// ServerTLS makes an embedded server speak TLS, 1.2 or later, with those who come over its
// port. The zero value makes it not.
type ServerTLS struct {
	Cert string // PEM file
	Key  string // PEM file
	// ClientCA is the PEM file of who signs the certificates that clients must show; "": they
	// need none.
	ClientCA string
}

// Cluster makes an embedded server one of several, which hold the replicas of streams together.
// The zero value makes it none.
type Cluster struct {
	Name   string   // of the cluster; required for one
	Server string   // of this server, another for each; required
	Listen string   // HOST:PORT for the others (port 0: any free one); required
	Routes []string // HOST:PORT of others, also as nats-route://HOST:PORT, which tell of the rest; required
	Token  string   // what servers show each other; "" lets in all that reach the port
	// TLS is for the way between the servers: each shows a certificate, which CA signed. The
	// zero value leaves it open to who can listen.
	TLS TLSFiles
}

// routeUser is the name beside a cluster's token: that which a server of nats setup shows, too.
var routeUser = natsconf.Cluster{}.User()

// routeTimeout bounds the greeting of another server, in seconds.
const routeTimeout = 5

func (c *ServerConfig) setAccounts(opts *server.Options) error {
	if len(c.Accounts) == 0 && c.AccountsFile == "" {
		return nil
	}
	if c.Token != "" {
		return errors.New("server: either a token or accounts")
	}
	text, err := natsconf.Render(c.Accounts)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	if c.AccountsFile != "" {
		if len(c.Accounts) > 0 {
			return errors.New("server: either accounts or a file with them")
		}
		file, err := readKeys(c.AccountsFile)
		if err != nil {
			return fmt.Errorf("server: %w", fileError("accounts file", c.AccountsFile, err, "want what sluice nats setup wrote"))
		}
		text = string(file)
	}
	if err := opts.ProcessConfigString(text); err != nil {
		if c.AccountsFile != "" {
			return fmt.Errorf("server: accounts file %s: it is not as sluice nats setup wrote it", c.AccountsFile)
		}
		return errors.New("server: its accounts are not as a server takes them") // the text may hold passwords
	}
	return nil
}

func (t *ServerTLS) set(opts *server.Options) (err error) {
	if *t == (ServerTLS{}) {
		return nil
	}
	if t.Cert == "" {
		return errors.New("server: TLS needs a certificate and a key")
	}
	if err := (TLSFiles{CA: t.ClientCA, Cert: t.Cert, Key: t.Key}).check(); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	opts.TLSTimeout = routeTimeout
	opts.TLSVerify = t.ClientCA != ""
	opts.TLSConfig, err = server.GenTLSConfig(&server.TLSConfigOpts{CertFile: t.Cert, KeyFile: t.Key, CaFile: t.ClientCA, Verify: t.ClientCA != ""})
	if err != nil {
		return fmt.Errorf("server: TLS: %w", err)
	}
	return nil
}

func (c *Cluster) set(opts *server.Options) (err error) {
	if c.Name == "" {
		if len(c.Routes) > 0 || c.Listen != "" {
			return errors.New("server: a cluster needs a name")
		}
		return nil
	}
	if c.Server == "" || c.Listen == "" {
		return errors.New("server: a member of a cluster needs a name of its own and an address for the others")
	}
	if len(c.Routes) == 0 {
		return errors.New("server: a member of a cluster needs a route to another; all members may be told the same ones")
	}
	opts.Cluster.Name = c.Name
	opts.Cluster.Host, opts.Cluster.Port, err = hostPort("cluster address", c.Listen)
	if err != nil {
		return err
	}
	var user *url.Userinfo
	if c.Token != "" {
		opts.Cluster.Username, opts.Cluster.Password = routeUser, c.Token
		opts.Cluster.AuthTimeout = routeTimeout
		user = url.UserPassword(routeUser, c.Token)
	}
	for _, r := range c.Routes {
		address := strings.TrimPrefix(strings.TrimSpace(r), "nats-route://")
		if _, _, err := hostPort("cluster route", address); err != nil {
			return err
		}
		opts.Routes = append(opts.Routes, &url.URL{Scheme: "nats-route", User: user, Host: address})
	}
	return c.setTLS(opts)
}

func (c *Cluster) setTLS(opts *server.Options) (err error) {
	if c.TLS == (TLSFiles{}) {
		return nil
	}
	if c.TLS.CA == "" || c.TLS.Cert == "" {
		return errors.New("server: TLS between servers needs a CA file, a certificate and a key")
	}
	if err := c.TLS.check(); err != nil {
		return fmt.Errorf("server: cluster: %w", err)
	}
	opts.Cluster.TLSTimeout = routeTimeout
	opts.Cluster.TLSConfig, err = server.GenTLSConfig(&server.TLSConfigOpts{CertFile: c.TLS.Cert, KeyFile: c.TLS.Key, CaFile: c.TLS.CA, Verify: true})
	if err != nil {
		return fmt.Errorf("server: cluster: TLS: %w", err)
	}
	opts.Cluster.TLSConfig.RootCAs = opts.Cluster.TLSConfig.ClientCAs
	return nil
}

// ClusterAddress is where other servers of the cluster reach this one, "" where there is no
// cluster.
func (s *Server) ClusterAddress() string {
	a := s.ns.ClusterAddr()
	if a == nil {
		return ""
	}
	return dialable(a)
}

// dialable is an address of a listener as others of this machine reach it.
func dialable(a *net.TCPAddr) string {
	host := a.IP.String()
	if a.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, strconv.Itoa(a.Port))
}

// Leads reports whether this server is the leader of a stream's replicas, which is in the
// account; "" is that of a server without accounts.
func (s *Server) Leads(account, stream string) bool {
	if account == "" {
		account = server.DEFAULT_GLOBAL_ACCOUNT
	}
	return s.ns.JetStreamIsStreamLeader(account, stream)
}
