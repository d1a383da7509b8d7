package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/hashicorp/go-hclog"

	"sluice/coordinator"
)

// Bounds of what is asked of an identity provider.
const (
	fetchFor   = 5 * time.Second
	fetchBytes = 1 << 20
	fetchKeys  = 100              // that are looked at
	fetchEvery = 10 * time.Second // at most, whatever tokens come
	keysFor    = time.Hour        // after which they are asked for again, so that one the provider withdrew ends
)

// keySet is the provider's public keys. It asks for them when a token names one that it does
// not know, and when those it has are old; where the provider does not answer, those go on to
// hold. go-oidc's own asks at every unknown key, as often as somebody makes one up, and never
// forgets one.
type keySet struct {
	cfg    OIDC
	algs   []jose.SignatureAlgorithm
	now    func() time.Time
	log    hclog.Logger
	client *http.Client

	mu      sync.Mutex
	keys    []jose.JSONWebKey // guarded by mu, as all below
	got     time.Time
	tried   time.Time
	failed  error         // of the last try
	pending chan struct{} // not nil while one is under way; closed at its end
}

func newKeySet(c OIDC, now func() time.Time, log hclog.Logger) *keySet {
	s := &keySet{cfg: c, now: now, log: log}
	for _, a := range c.Algorithms {
		s.algs = append(s.algs, jose.SignatureAlgorithm(a))
	}
	s.client = &http.Client{Transport: c.Transport, Timeout: fetchFor, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) > 3 || !Trusted(r.URL.String()) {
			return fmt.Errorf("redirect to %s is not followed", r.URL.Redacted())
		}
		return nil
	}}
	return s
}

// Trusted reports whether what a URL answers comes from whom it names: it is https, or http on
// loopback. An identity provider is asked at no other.
func Trusted(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil {
		return false
	}
	host := u.Hostname()
	loopback := host == "localhost" || net.ParseIP(host).IsLoopback()
	return u.Scheme == "https" || u.Scheme == "http" && loopback
}

// verify returns what a token says, when one of the keys has signed it.
func (s *keySet) verify(ctx context.Context, token string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(token, s.algs)
	if err != nil || len(jws.Signatures) != 1 {
		return nil, errors.New("not a token with one signature")
	}
	keys, err := s.find(ctx, jws.Signatures[0].Header.KeyID, false)
	if err != nil {
		return nil, err
	}
	for i := range keys {
		if body, err := jws.Verify(&keys[i]); err == nil {
			return body, nil
		}
	}
	if jws.Signatures[0].Header.KeyID != "" {
		return nil, errors.New("no key of the provider has signed it")
	}
	// Without a name of the key it may be one that is new.
	if keys, err = s.find(ctx, "", true); err != nil {
		return nil, err
	}
	for i := range keys {
		if body, err := jws.Verify(&keys[i]); err == nil {
			return body, nil
		}
	}
	return nil, errors.New("no key of the provider has signed it")
}

// find returns the keys of a name, all for "". It waits for the provider when it knows none, or
// when more are asked for; when what it knows is old, somebody else waits.
func (s *keySet) find(ctx context.Context, name string, more bool) ([]jose.JSONWebKey, error) {
	s.mu.Lock()
	keys, old := s.named(name), s.now().Sub(s.got) > keysFor
	if len(keys) > 0 && !old && !more {
		s.mu.Unlock()
		return keys, nil
	}
	if s.pending == nil && (s.tried.IsZero() || s.now().Sub(s.tried) >= fetchEvery) {
		s.tried, s.pending = s.now(), make(chan struct{})
		go s.fetch(s.pending)
	}
	pending := s.pending
	s.mu.Unlock()
	if len(keys) > 0 && !more || pending == nil {
		return s.known(name)
	}
	select {
	case <-pending:
	case <-ctx.Done():
	}
	return s.known(name)
}

// known returns the keys of a name that are here. Where there is none, and the provider was
// asked in vain, nothing can be said of a token.
func (s *keySet) known(name string) ([]jose.JSONWebKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := s.named(name)
	if len(keys) == 0 && (s.failed != nil || s.got.IsZero()) {
		return nil, coordinator.Faultf(coordinator.Unavailable, "the token can't be checked now: the identity provider does not tell its keys")
	}
	return keys, nil
}

// named returns the keys of a name; s.mu is held.
func (s *keySet) named(name string) []jose.JSONWebKey {
	if name == "" {
		return s.keys
	}
	var found []jose.JSONWebKey
	for _, k := range s.keys {
		if k.KeyID == name {
			found = append(found, k)
		}
	}
	return found
}

// fetch asks the provider. It does not end with the request that caused it: others wait, too.
func (s *keySet) fetch(done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), fetchFor)
	defer cancel()
	keys, err := s.ask(ctx)
	if err != nil {
		s.log.Warn("the identity provider's keys were not read", "issuer", s.cfg.Issuer, "err", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed = err; err == nil {
		s.keys, s.got = keys, s.now()
	}
	s.pending = nil
	close(done)
}

func (s *keySet) ask(ctx context.Context) ([]jose.JSONWebKey, error) {
	body, err := s.read(ctx, strings.TrimSuffix(s.cfg.Issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return nil, err
	}
	at, err := parseDiscovery(body, s.cfg.Issuer)
	if err != nil {
		return nil, err
	}
	if body, err = s.read(ctx, at); err != nil {
		return nil, err
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	set.Keys = slices.DeleteFunc(set.Keys, func(k jose.JSONWebKey) bool { return !k.IsPublic() || !k.Valid() || k.Use == "enc" })
	if len(set.Keys) == 0 || len(set.Keys) > fetchKeys {
		return nil, fmt.Errorf("keys: it has %d, of 1 to %d", len(set.Keys), fetchKeys)
	}
	return set.Keys, nil
}

func (s *keySet) read(ctx context.Context, at string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	answer, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("read %s: status %d", at, answer.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, fetchBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", at, err)
	}
	if len(body) > fetchBytes {
		return nil, fmt.Errorf("read %s: more than %d bytes", at, fetchBytes)
	}
	return body, nil
}
