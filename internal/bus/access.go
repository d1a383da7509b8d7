package bus

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"sluice/internal/bus/natsconf"
)

// maxKeyFile bounds what is read of a file with keys or certificates.
const maxKeyFile = 1 << 20

// TLSFiles are PEM files, "" for none. They are read anew at each connect, so that certificates
// can be replaced while the process runs.
type TLSFiles struct {
	CA   string // whose certificates are trusted; "" for the system's
	Cert string // this side's own, for mutual TLS; with Key
	Key  string
}

// Credentials shows the server the JWT and the signature of a credentials file, as "nsc" writes
// them. An empty name is no setting, as with all options that take files.
func Credentials(file string) Option {
	return func(o *options) {
		if file == "" {
			return
		}
		text, err := readKeys(file)
		if err == nil {
			_, err = nkeys.ParseDecoratedJWT(text)
		}
		if err == nil {
			_, err = nkeys.ParseDecoratedUserNKey(text)
		}
		if err != nil {
			o.refuse(fileError("credentials file", file, err, "want a JWT and the seed of a user, as nsc writes them"))
			return
		}
		o.shown++
		o.nats = append(o.nats, nats.UserCredentials(file))
	}
}

// SeedFile shows the server the NKey whose seed the file holds, as [natsconf.Setup] writes it.
func SeedFile(file string) Option {
	return func(o *options) {
		if file == "" {
			return
		}
		public, err := withSeed(file, func(k nkeys.KeyPair) ([]byte, error) {
			p, err := k.PublicKey()
			return []byte(p), err
		})
		if err != nil {
			o.refuse(fileError("NKey seed file", file, err, "want the seed of a user, which begins with SU"))
			return
		}
		o.shown++
		o.nats = append(o.nats, nats.Nkey(string(public), func(nonce []byte) ([]byte, error) {
			return withSeed(file, func(k nkeys.KeyPair) ([]byte, error) { return k.Sign(nonce) })
		}))
	}
}

// User shows the server a name and a password.
func User(name, password string) Option {
	return func(o *options) {
		if name != "" {
			o.shown++
			o.nats = append(o.nats, nats.UserInfo(name, password))
		}
	}
}

// TLS connects by TLS 1.2 or later, also to a server whose URL says nats://.
func TLS(f TLSFiles) Option {
	return func(o *options) {
		if f == (TLSFiles{}) {
			return
		}
		if err := f.check(); err != nil {
			o.refuse(err)
			return
		}
		o.nats = append(o.nats, nats.Secure(&tls.Config{MinVersion: tls.VersionTLS12}))
		if f.CA != "" {
			o.nats = append(o.nats, nats.RootCAs(f.CA))
		}
		if f.Cert != "" {
			o.nats = append(o.nats, nats.ClientCert(f.Cert, f.Key))
		}
	}
}

// As says which of Sluice's roles the connection has: the answers to a worker come to subjects
// of their own, because its credentials are good for no others.
func As(r natsconf.Role) Option {
	return func(o *options) { o.nats = append(o.nats, nats.CustomInboxPrefix(natsconf.Inbox(r))) }
}

// check reads the files, for an error that names the one which is wrong.
func (f TLSFiles) check() error {
	if f.CA != "" {
		text, err := readKeys(f.CA)
		if err == nil && !x509.NewCertPool().AppendCertsFromPEM(text) {
			err = errors.New("no certificate in it")
		}
		if err != nil {
			return fileError("CA file", f.CA, err, "want certificates in PEM")
		}
	}
	switch {
	case f.Cert == "" && f.Key == "":
		return nil
	case f.Key == "":
		return fmt.Errorf("certificate file %s: its key file is missing", f.Cert)
	case f.Cert == "":
		return fmt.Errorf("key file %s: its certificate file is missing", f.Key)
	}
	cert, err := readKeys(f.Cert)
	if err != nil {
		return fileError("certificate file", f.Cert, err, "want certificates in PEM, the own one first")
	}
	key, err := readKeys(f.Key)
	if err != nil {
		return fileError("key file", f.Key, err, "want a private key in PEM")
	}
	if _, err := tls.X509KeyPair(cert, key); err != nil {
		return fmt.Errorf("certificate file %s with key file %s: %w", f.Cert, f.Key, err)
	}
	return nil
}

// withSeed reads a seed, has f use it, and wipes it.
func withSeed(file string, f func(nkeys.KeyPair) ([]byte, error)) ([]byte, error) {
	text, err := readKeys(file)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	k, err := nkeys.ParseDecoratedUserNKey(text)
	if err != nil {
		return nil, err
	}
	defer k.Wipe()
	return f(k)
}

// readKeys reads a file with keys or certificates, whatever is in the way of that.
func readKeys(file string) ([]byte, error) {
	st, err := os.Stat(file)
	switch {
	case err != nil:
		return nil, err
	case !st.Mode().IsRegular():
		return nil, errors.New("not a regular file")
	case st.Size() > maxKeyFile:
		return nil, fmt.Errorf("%d bytes, at most %d are allowed", st.Size(), maxKeyFile)
	}
	return os.ReadFile(file)
}

// fileError names a file once, and why it is not good.
func fileError(what, file string, err error, want string) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return fmt.Errorf("%s %s: %w", what, file, path.Err)
	}
	return fmt.Errorf("%s %s: %w; %s", what, file, err, want)
}

// checkURLs refuses what is no address, without showing a password that may be in it.
func (o *options) checkURLs(urls string) {
	for _, u := range strings.Split(urls, ",") {
		u = strings.TrimSpace(u)
		if !strings.Contains(u, "://") {
			u = "nats://" + u
		}
		if p, err := url.Parse(u); err != nil || p.Hostname() == "" {
			o.refuse(fmt.Errorf("server address %s: want nats://HOST:PORT or tls://HOST:PORT", redacted(u)))
		}
	}
}

// redacted are URLs for messages: a password in one is not shown.
func redacted(urls string) string {
	all := strings.Split(urls, ",")
	for i, u := range all {
		u = strings.TrimSpace(u)
		all[i] = u
		head, host, secret := strings.Cut(u, "@")
		if !secret {
			continue
		}
		scheme, _, found := strings.Cut(head, "://")
		if parsed, err := url.Parse(u); err == nil && found && parsed.User != nil {
			if _, has := parsed.User.Password(); has {
				all[i] = parsed.Redacted()
				continue
			}
		}
		all[i] = "xxxxx@" + host // a token, or what no one can tell
		if found {
			all[i] = scheme + "://" + all[i]
		}
	}
	return strings.Join(all, ",")
}
