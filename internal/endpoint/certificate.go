package endpoint

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// lookAgain is how long a certificate is used before its files are looked at again.
const lookAgain = 10 * time.Second

// certificateOf returns the certificate of a listener, nil for none.
func certificateOf(c Config) (*certificate, error) {
	if c.Cert == "" {
		return nil, nil
	}
	k := &certificate{cert: c.Cert, key: c.Key, log: c.Log, now: time.Now}
	if k.log == nil {
		k.log = hclog.NewNullLogger()
	}
	if err := k.read(); err != nil {
		return nil, fmt.Errorf("%s: %w", c.what(), err)
	}
	return k, nil
}

func (k *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: k.current}
}

// hurry has the files looked at at the next connection.
func (k *certificate) hurry() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.looked = time.Time{}
}

// certificate is a pair of files, read again when one of them has changed: a certificate is
// renewed without a restart.
type certificate struct {
	cert, key string
	log       hclog.Logger
	now       func() time.Time

	mu      sync.Mutex
	pair    *tls.Certificate // guarded by mu
	written [2]time.Time     // guarded by mu
	looked  time.Time        // guarded by mu
}

// current implements tls.Config.GetCertificate. Files that can't be used leave the certificate
// that there was, and are logged.
func (k *certificate) current(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.now().Sub(k.looked) < lookAgain {
		return k.pair, nil
	}
	k.looked = k.now()
	if written, err := k.times(); err == nil && written == k.written {
		return k.pair, nil
	}
	if err := k.load(); err != nil {
		k.log.Warn("a certificate was not read again, the one before is used", "err", err)
		return k.pair, nil
	}
	k.log.Info("a certificate was read again", "file", k.cert)
	return k.pair, nil
}

// read reads the files for the first time.
func (k *certificate) read() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.looked = k.now()
	return k.load()
}

// load reads the files. The times are taken first: a change behind them is seen the next time.
func (k *certificate) load() error {
	written, err := k.times()
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(k.cert, k.key)
	if err != nil {
		return fmt.Errorf("read the certificate %s and its key: %w", k.cert, err)
	}
	k.pair, k.written = &pair, written
	return nil
}

func (k *certificate) times() (t [2]time.Time, err error) {
	for i, file := range []string{k.cert, k.key} {
		info, err := os.Stat(file)
		if err != nil {
			return t, fmt.Errorf("read the certificate: %w", err)
		}
		t[i] = info.ModTime()
	}
	return t, nil
}
