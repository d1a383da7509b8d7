package auth_test

import (
	"context"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/auth"
	"sluice/coordinator/store"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

// clock is a time that a test sets.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// desk is what one coordinator knows of project p.
type desk struct {
	*auth.Auth
	keys    *auth.Keys
	control *store.Control
}

func control(t *testing.T, conn *bus.Conn) *store.Control {
	t.Helper()
	c, err := store.Open(bustest.Context(t), store.Config{Conn: conn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func open(t *testing.T, conn *bus.Conn, config auth.Config) desk {
	t.Helper()
	c := control(t, conn)
	config.Projects = append(config.Projects, auth.Project{Name: "p", Control: c})
	a, err := auth.New(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range config.Projects {
		if err := p.Control.Follow(bustest.Context(t)); err != nil {
			t.Fatal(err)
		}
	}
	keys, err := a.Keys("p")
	if err != nil {
		t.Fatal(err)
	}
	return desk{a, keys, c}
}

// runs keeps a coordinator's view up to date until the test ends.
func (d desk) runs(t *testing.T) desk {
	t.Helper()
	if err := d.Confirm(bustest.Context(t)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		bustest.Wait(t, "Run to end", done)
	})
	return d
}

func (d desk) key(t *testing.T, name string, role coordinator.Role, expires time.Time) (coordinator.Key, string) {
	t.Helper()
	k, token, err := d.keys.Create(bustest.Context(t), coordinator.Key{Name: name, Role: role, Expires: expires, By: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return k, token
}

func family(t *testing.T, what string, err error, want coordinator.Family) {
	t.Helper()
	if got := coordinator.FamilyOf(err); got != want {
		t.Errorf("%s: got %q (%v), want %q", what, got, err, want)
	}
}

// TestO1Keys makes a key, uses it at two coordinators, and looks for its secret in the store.
func TestO1Keys(t *testing.T) {
	server := bustest.Server(t)
	conn, ctx := bustest.Connect(t, server), bustest.Context(t)
	a := open(t, conn, auth.Config{}).runs(t)
	b := open(t, bustest.Connect(t, server), auth.Config{}).runs(t)
	k, token := a.key(t, "ann", coordinator.Author, time.Time{})
	if !strings.HasPrefix(token, "slu_"+k.Prefix+"_") || auth.PrefixOf(token) != k.Prefix {
		t.Errorf("token %.20s… does not show its prefix %s", token, k.Prefix)
	}
	_, other := a.key(t, "ann", coordinator.Viewer, time.Time{})
	for _, d := range []desk{a, b} {
		var p coordinator.Principal
		bustest.Eventually(t, "the key is known", func() (ok bool) {
			var err error
			p, err = d.Check(ctx, token)
			return err == nil
		})
		if want := (coordinator.Principal{Name: "ann", Project: "p", Role: coordinator.Author, Key: k.Prefix}); !reflect.DeepEqual(p, want) {
			t.Errorf("got %+v, want %+v", p, want)
		}
	}
	secret := token[strings.LastIndex(token, k.Prefix+"_")+len(k.Prefix)+1:]
	for what, bad := range map[string]string{
		"no token": "", "half a token": token[:len(token)-10], "one letter less": token[:len(token)-1], "a letter more": token + "A",
		"another secret":     "slu_" + k.Prefix + "_" + strings.TrimPrefix(other, "slu_"+auth.PrefixOf(other)+"_"),
		"an unknown prefix":  "slu_aaaaaaaaaaaa_" + secret,
		"no beginning":       secret,
		"a session's ticket": "slt_" + secret, "as large as can be": "slu_" + k.Prefix + "_" + strings.Repeat("A", 1<<20),
	} {
		_, err := a.Check(ctx, bad)
		family(t, what, err, coordinator.Unnamed)
		if err != nil && len(secret) > 0 && strings.Contains(err.Error(), secret[:8]) {
			t.Errorf("%s: the error shows the secret: %v", what, err)
		}
	}
	err := conn.Scan(ctx, store.Stream, "", 0, func(m *bus.Stored) error {
		if strings.Contains(string(m.Data), secret) {
			t.Errorf("%s holds the secret", m.Subject)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestO2Revoke revokes at one coordinator: the other refuses within 5 s, sessions there end, and
// neither was started again.
func TestO2Revoke(t *testing.T) {
	server, ctx := bustest.Server(t), bustest.Context(t)
	a := open(t, bustest.Connect(t, server), auth.Config{}).runs(t)
	b := open(t, bustest.Connect(t, server), auth.Config{}).runs(t)
	k, token := a.key(t, "ann", coordinator.Author, time.Time{})
	_, token2 := a.key(t, "bob", coordinator.Author, time.Time{})
	var p, p2 coordinator.Principal
	bustest.Eventually(t, "the keys are known", func() bool {
		var err, err2 error
		p, err = b.Check(ctx, token)
		p2, err2 = b.Check(ctx, token2)
		return err == nil && err2 == nil
	})
	ended, stop := b.Watch(p)
	defer stop()
	goesOn, stop2 := b.Watch(p2)
	defer stop2()
	if _, err := a.keys.Revoke(ctx, k.Prefix, "root"); err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	_, err := a.Check(ctx, token)
	family(t, "where it was revoked", err, coordinator.Unnamed)
	bustest.Eventually(t, "the other refuses it", func() bool {
		_, err := b.Check(ctx, token)
		return coordinator.FamilyOf(err) == coordinator.Unnamed
	})
	bustest.Wait(t, "the session to end", ended)
	if took := time.Since(at); took > bustest.Within(5*time.Second) {
		t.Errorf("it took %v", took)
	}
	select {
	case <-goesOn:
		t.Error("the session of another key has ended")
	default:
	}
	list := b.keys.List()
	if len(list) != 2 || list[0].RevokedBy+list[1].RevokedBy != "root" {
		t.Errorf("got %+v", list)
	}
	_, err = a.keys.Revoke(ctx, "nosuchprefix", "root")
	family(t, "revoke what is not there", err, coordinator.Unknown)
}

// TestO2Expiry: a key and its sessions end when the key does.
func TestO2Expiry(t *testing.T) {
	c, ctx := newClock(), bustest.Context(t)
	d := open(t, bustest.Conn(t, bustest.InProcess), auth.Config{Now: c.now}).runs(t)
	_, token := d.key(t, "ann", coordinator.Viewer, c.now().Add(time.Hour))
	p, err := d.Check(ctx, token)
	if err != nil {
		t.Fatal(err)
	}
	ended, stop := d.Watch(p)
	defer stop()
	c.add(time.Hour - time.Second)
	bustest.Eventually(t, "it is good to the end", func() bool { _, err := d.Check(ctx, token); return err == nil })
	ended2, stop2 := d.Watch(p)
	defer stop2()
	c.add(time.Second)
	bustest.Wait(t, "the session to end", ended)
	bustest.Wait(t, "the other to end", ended2)
	bustest.Eventually(t, "the key has expired", func() bool {
		_, err := d.Check(ctx, token)
		return coordinator.FamilyOf(err) == coordinator.Unnamed
	})
}

// TestO2CutOff: a coordinator that can't hear of revocations refuses what it can't be sure of,
// within 5 s, and ends the sessions.
func TestO2CutOff(t *testing.T) {
	t.Parallel()
	server, ctx := bustest.ServerTCP(t), bustest.Context(t)
	through, cut := bustest.Proxy(t, server.URL())
	d := open(t, bustest.Dial(t, through), auth.Config{}).runs(t)
	_, token := d.key(t, "ann", coordinator.Viewer, time.Time{})
	p, err := d.Check(ctx, token)
	if err != nil {
		t.Fatal(err)
	}
	ended, stop := d.Watch(p)
	defer stop()
	server.Shutdown()
	cut()
	at := time.Now()
	bustest.Eventually(t, "the key is refused", func() bool {
		_, err := d.Check(ctx, token)
		return coordinator.FamilyOf(err) == coordinator.Unavailable
	})
	bustest.Wait(t, "the session to end", ended)
	if took := time.Since(at); took > bustest.Within(5*time.Second) {
		t.Errorf("it took %v", took)
	}
}

// TestStoodStill: a process that stood still asks the store before it trusts, or refuses, a key,
// and before it ends a session.
func TestStoodStill(t *testing.T) {
	server, c, ctx := bustest.Server(t), newClock(), bustest.Context(t)
	a := open(t, bustest.Connect(t, server), auth.Config{})
	b := open(t, bustest.Connect(t, server), auth.Config{Now: c.now}) // whose Run does not run
	k, token := a.key(t, "ann", coordinator.Viewer, time.Time{})
	p, err := b.Check(ctx, token)
	if err != nil {
		t.Fatal(err)
	}
	c.add(time.Hour)
	ended, stop := b.Watch(p)
	defer stop()
	select {
	case <-ended:
		t.Error("a session ended though its key is good")
	default:
	}
	c.add(time.Hour)
	if _, err := b.Check(ctx, token); err != nil {
		t.Errorf("behind an hour: %v", err)
	}
	c.add(time.Hour)
	if _, err := a.keys.Revoke(ctx, k.Prefix, "x"); err != nil {
		t.Fatal(err)
	}
	_, err = b.Check(ctx, token)
	family(t, "revoked meanwhile", err, coordinator.Unnamed)
}

// TestProjects: keys of two projects, and a record that somebody put into the wrong one.
func TestProjects(t *testing.T) {
	ctx := bustest.Context(t)
	q := control(t, bustest.Conn(t, bustest.InProcess))
	d := open(t, bustest.Conn(t, bustest.InProcess), auth.Config{Projects: []auth.Project{{Name: "q", Control: q}}}).runs(t)
	_, token := d.key(t, "ann", coordinator.Viewer, time.Time{})
	forged := store.NewTable[map[string]any](q, "key")
	k := d.keys.List()[0]
	if _, err := forged.Create(ctx, k.Prefix, &map[string]any{"name": "eve", "project": "p", "role": "admin", "digest": []byte("x")}); err != nil {
		t.Fatal(err)
	}
	p, err := d.Check(ctx, token)
	if err != nil || p.Name != "ann" || p.Project != "p" {
		t.Errorf("got %+v, %v", p, err)
	}
	keys, err := d.Keys("q")
	if err != nil {
		t.Fatal(err)
	}
	if got := keys.List(); len(got) != 1 || got[0].Project != "q" {
		t.Errorf("a record of q says that it is of another project: %+v", got)
	}
}

// TestEnsureAdmin: the first admin key is made once.
func TestEnsureAdmin(t *testing.T) {
	ctx := bustest.Context(t)
	d := open(t, bustest.Conn(t, bustest.InProcess), auth.Config{}).runs(t)
	token, err := d.keys.EnsureAdmin(ctx, "local")
	if err != nil || token == "" {
		t.Fatal(token, err)
	}
	if p, err := d.Check(ctx, token); err != nil || p.Role != coordinator.Admin {
		t.Errorf("got %+v, %v", p, err)
	}
	if again, err := d.keys.EnsureAdmin(ctx, "local"); err != nil || again != "" {
		t.Errorf("got another one, %v", err)
	}
	if _, err := d.keys.Revoke(ctx, d.keys.List()[0].Prefix, "x"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.keys.Create(ctx, coordinator.Key{Name: "local", Role: coordinator.Admin, Scopes: []coordinator.Scope{"jobs:read"}}); err != nil {
		t.Fatal(err)
	}
	if again, err := d.keys.EnsureAdmin(ctx, "local"); err != nil || again == "" {
		t.Errorf("got none in the place of one that was revoked, and one that has not all of its role: %v", err)
	}
}

// TestKeyChecks refuses keys that make no sense.
func TestKeyChecks(t *testing.T) {
	d := open(t, bustest.Conn(t, bustest.InProcess), auth.Config{})
	for _, k := range []coordinator.Key{
		{Role: coordinator.Viewer}, {Name: "oidc:ann", Role: coordinator.Viewer}, {Name: "ann"}, {Name: "ann", Role: "root"},
		{Name: "ann\n", Role: coordinator.Viewer}, {Name: "ann", Role: coordinator.Viewer, Expires: time.Unix(1, 0)},
	} {
		_, _, err := d.keys.Create(bustest.Context(t), k)
		family(t, k.Name+" "+string(k.Role), err, coordinator.Invalid)
	}
}
