package auth_test

import (
	"crypto/rand"
	"crypto/rsa"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"sluice/coordinator"
	"sluice/coordinator/auth"
	"sluice/coordinator/auth/authtest"
	"sluice/internal/bus/bustest"
)

// with returns claims with some changed; nil removes one.
func with(claims map[string]any, change map[string]any) map[string]any {
	c := maps.Clone(claims)
	for k, v := range change {
		if c[k] = v; v == nil {
			delete(c, k)
		}
	}
	return c
}

type oidcWorld struct {
	*authtest.Issuer
	desk
	clock  *clock
	by     jose.SigningKey
	claims map[string]any
}

func newOIDCWorld(t *testing.T) *oidcWorld {
	i, c := authtest.NewIssuer(t), newClock()
	w := &oidcWorld{Issuer: i, clock: c, by: i.Signer("one")}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	w.desk = open(t, bustest.Conn(t, bustest.InProcess), auth.Config{Now: c.now, OIDC: &auth.OIDC{Issuer: i.URL, Audience: "sluice",
		RoleClaim: "realm.roles", Roles: map[string]coordinator.Role{"sluice-ops": coordinator.Operator, "sluice-view": coordinator.Viewer},
		ProjectClaim: "team", Transport: transport}})
	w.claims = map[string]any{"iss": i.URL, "aud": []string{"other", "sluice"}, "sub": "ann", "team": "p", "iat": c.now().Unix(), "nbf": c.now().Unix(),
		"exp": c.now().Add(time.Hour).Unix(), "realm": map[string]any{"roles": []string{"x", "sluice-view", "sluice-ops"}}}
	return w
}

// TestOIDC checks tokens of an issuer: who, where, which role, until when.
func TestOIDC(t *testing.T) {
	w, ctx := newOIDCWorld(t), bustest.Context(t)
	p, err := w.Check(ctx, authtest.Sign(t, w.by, w.claims))
	want := coordinator.Principal{Name: "oidc:ann", Project: "p", Role: coordinator.Operator, Expires: w.clock.now().Add(time.Hour + time.Minute)}
	if err != nil || !p.Expires.Equal(want.Expires) || p.Name != want.Name || p.Project != want.Project || p.Role != want.Role || p.Key != "" {
		t.Fatalf("got %+v, %v; want %+v", p, err, want)
	}
	at := func(d time.Duration) int64 { return w.clock.now().Add(d).Unix() }
	for what, row := range map[string]struct {
		change map[string]any
		want   coordinator.Family
	}{
		"another issuer":          {map[string]any{"iss": "https://evil.example"}, coordinator.Unnamed},
		"another audience":        {map[string]any{"aud": "other"}, coordinator.Unnamed},
		"no audience":             {map[string]any{"aud": nil}, coordinator.Unnamed},
		"expired":                 {map[string]any{"exp": at(-time.Minute)}, coordinator.Unnamed},
		"expired within leeway":   {map[string]any{"exp": at(-59 * time.Second)}, ""},
		"no expiry":               {map[string]any{"exp": nil}, coordinator.Unnamed},
		"good for ever":           {map[string]any{"exp": at(1000 * time.Hour)}, coordinator.Unnamed},
		"not yet":                 {map[string]any{"nbf": at(2 * time.Minute)}, coordinator.Unnamed},
		"not yet within leeway":   {map[string]any{"nbf": at(30 * time.Second), "iat": at(30 * time.Second)}, ""},
		"issued in the future":    {map[string]any{"iat": at(2 * time.Minute)}, coordinator.Unnamed},
		"no name":                 {map[string]any{"sub": nil}, coordinator.Unnamed},
		"a name with a line end":  {map[string]any{"sub": "a\nb"}, coordinator.Unnamed},
		"no project":              {map[string]any{"team": nil}, coordinator.Unnamed},
		"a project not here":      {map[string]any{"team": "q"}, coordinator.Unnamed},
		"no role":                 {map[string]any{"realm": nil}, coordinator.Forbidden},
		"a role that is no word":  {map[string]any{"realm": map[string]any{"roles": []any{1, map[string]any{}}}}, coordinator.Forbidden},
		"one word":                {map[string]any{"realm": map[string]any{"roles": "sluice-view"}}, ""},
		"a role not mapped":       {map[string]any{"realm": map[string]any{"roles": []string{"admin"}}}, coordinator.Forbidden},
		"a claim with dots in it": {map[string]any{"realm": nil, "realm.roles": []string{"sluice-ops"}}, ""},
	} {
		_, err := w.Check(ctx, authtest.Sign(t, w.by, with(w.claims, row.change)))
		family(t, what, err, row.want)
	}
}

// TestOIDCSignatures: what the issuer has not signed, or not so, is refused.
func TestOIDCSignatures(t *testing.T) {
	w, ctx := newOIDCWorld(t), bustest.Context(t)
	good := authtest.Sign(t, w.by, w.claims)
	if _, err := w.Check(ctx, good); err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	w.Tell(jose.JSONWebKey{Key: rsaKey.Public(), KeyID: "two"})
	w.clock.add(time.Minute)
	stranger := authtest.NewIssuer(t).Signer("one")
	parts := strings.Split(good, ".")
	none := "eyJhbGciOiJub25lIn0" // {"alg":"none"}
	for what, token := range map[string]string{
		"another's key of the same name": authtest.Sign(t, stranger, w.claims),
		"an algorithm not allowed":       authtest.Sign(t, jose.SigningKey{Algorithm: jose.PS256, Key: jose.JSONWebKey{Key: rsaKey, KeyID: "two"}}, w.claims),
		"a shared secret":                authtest.Sign(t, jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: []byte("0123456789abcdef0123456789abcdef"), KeyID: "one"}}, w.claims),
		"no signature":                   parts[0] + "." + parts[1] + ".",
		"alg none":                       none + "." + parts[1] + ".",
		"other claims":                   parts[0] + "." + parts[1][:len(parts[1])-2] + "." + parts[2],
		"no token":                       "a.b.c",
	} {
		_, err := w.Check(ctx, token)
		family(t, what, err, coordinator.Unnamed)
	}
	if _, err := w.Check(ctx, authtest.Sign(t, jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: rsaKey, KeyID: "two"}}, w.claims)); err != nil {
		t.Errorf("a new key that may sign: %v", err)
	}
}

// TestOIDCDown: while the issuer does not answer, the keys that are known hold; a new one is
// found when it is back, and tokens that name made-up keys don't make Sluice ask again and again.
func TestOIDCDown(t *testing.T) {
	w, ctx := newOIDCWorld(t), bustest.Context(t)
	w.Down.Store(true)
	_, err := w.Check(ctx, authtest.Sign(t, w.by, w.claims))
	family(t, "down from the start", err, coordinator.Unavailable)
	w.Down.Store(false)
	w.clock.add(10 * time.Second)
	if _, err := w.Check(ctx, authtest.Sign(t, w.by, w.claims)); err != nil {
		t.Fatal(err)
	}
	w.Down.Store(true)
	w.clock.add(2 * time.Hour) // the keys are old now
	later := with(w.claims, map[string]any{"exp": w.clock.now().Add(time.Hour).Unix()})
	for range 3 {
		if _, err := w.Check(ctx, authtest.Sign(t, w.by, later)); err != nil {
			t.Errorf("known keys don't hold while the issuer is down: %v", err)
		}
		w.clock.add(time.Minute)
	}
	next := w.Signer("two")
	w.Down.Store(false)
	bustest.Eventually(t, "a new key is found", func() bool { // behind an asking that is still under way
		w.clock.add(10 * time.Second)
		_, err := w.Check(ctx, authtest.Sign(t, next, later))
		return err == nil
	})
	asked := w.Fetches.Load()
	for _, name := range []string{"x", "y", "z", ""} {
		made := authtest.NewIssuer(t).Signer(name)
		_, err := w.Check(ctx, authtest.Sign(t, made, later))
		family(t, "a made-up key", err, coordinator.Unnamed)
	}
	if got := w.Fetches.Load(); got > asked+1 { // in 10 s
		t.Errorf("made-up keys made it ask %d times", got-asked)
	}
	w.Huge.Store(true)
	w.clock.add(time.Minute)
	_, err = w.Check(ctx, authtest.Sign(t, authtest.NewIssuer(t).Signer("w"), later))
	family(t, "an answer over the bound", err, coordinator.Unavailable)
	if _, err := w.Check(ctx, authtest.Sign(t, next, later)); err != nil {
		t.Errorf("the keys are lost by it: %v", err)
	}
}

// TestOIDCWithdrawn: a key that the issuer tells no more ends within an hour or so.
func TestOIDCWithdrawn(t *testing.T) {
	w, ctx := newOIDCWorld(t), bustest.Context(t)
	token := authtest.Sign(t, w.by, with(w.claims, map[string]any{"exp": w.clock.now().Add(20 * time.Hour).Unix()}))
	if _, err := w.Check(ctx, token); err != nil {
		t.Fatal(err)
	}
	w.Forget()
	w.Signer("two")
	w.clock.add(61 * time.Minute)
	bustest.Eventually(t, "it is refused", func() bool {
		_, err := w.Check(ctx, token)
		return coordinator.FamilyOf(err) == coordinator.Unnamed
	})
}

// TestOIDCConfig refuses what can't be meant.
func TestOIDCConfig(t *testing.T) {
	good := auth.OIDC{Issuer: "https://id.example", Audience: "a", Project: "p", Roles: map[string]coordinator.Role{"x": coordinator.Viewer}}
	for what, change := range map[string]func(*auth.OIDC){
		"no issuer": func(c *auth.OIDC) { c.Issuer = "" }, "plain http": func(c *auth.OIDC) { c.Issuer = "http://id.example" },
		"no audience": func(c *auth.OIDC) { c.Audience = "" }, "no roles": func(c *auth.OIDC) { c.Roles = nil },
		"not a role": func(c *auth.OIDC) { c.Roles = map[string]coordinator.Role{"x": "root"} }, "no project": func(c *auth.OIDC) { c.Project = "" },
		"alg none": func(c *auth.OIDC) { c.Algorithms = []string{"none"} }, "a shared secret": func(c *auth.OIDC) { c.Algorithms = []string{"HS256"} },
		"an hour's leeway": func(c *auth.OIDC) { c.Leeway = time.Hour },
	} {
		c := good
		change(&c)
		_, err := auth.New(auth.Config{OIDC: &c, Projects: []auth.Project{{Name: "p", Control: control(t, bustest.Conn(t, bustest.InProcess))}}})
		if err == nil {
			t.Errorf("%s: it was taken", what)
		}
	}
}
