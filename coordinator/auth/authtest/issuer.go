// Package authtest is an identity provider for tests: it tells of its keys by HTTP, on this machine,
// and signs tokens with them.
package authtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// Issuer is a provider. Its server ends with the test.
type Issuer struct {
	*httptest.Server
	Fetches atomic.Int64 // of its keys
	Down    atomic.Bool  // it answers nothing but errors
	Huge    atomic.Bool  // what it answers about its keys has 2 MiB

	t    testing.TB
	mu   sync.Mutex
	keys []jose.JSONWebKey // public ones; guarded by mu
}

// NewIssuer starts a provider that has no keys yet.
func NewIssuer(t testing.TB) *Issuer {
	i := &Issuer{t: t}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		i.Fetches.Add(1)
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.Huge.Load() {
			_, _ = w.Write([]byte(`{"keys":[],"x":"` + strings.Repeat("x", 2<<20) + `"}`))
			return
		}
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: i.keys})
	})
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if i.Down.Load() {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(i.Close)
	return i
}

// Tell has the provider tell of a key beside those that it has.
func (i *Issuer) Tell(public jose.JSONWebKey) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = append(i.keys, public)
}

// Forget has the provider tell of no key any more.
func (i *Issuer) Forget() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = nil
}

// Signer makes a key of that name, and tells of it.
func (i *Issuer) Signer(name string) jose.SigningKey {
	i.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		i.t.Fatal(err)
	}
	i.Tell(jose.JSONWebKey{Key: key.Public(), KeyID: name, Algorithm: "ES256", Use: "sig"})
	return jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: name}}
}

// Sign returns a token of claims.
func Sign(t testing.TB, by jose.SigningKey, claims map[string]any) string {
	t.Helper()
	s, err := jose.NewSigner(by, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := s.Sign(body)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}
