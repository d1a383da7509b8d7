package bus_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nkeys"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/bus/natsconf"
)

// TestAccessErrors names the file that is wrong and why, and nothing of what is in it.
func TestAccessErrors(t *testing.T) {
	dir := t.TempDir()
	secret := "SUADONOTSHOWTHIS"
	bad := filepath.Join(dir, "bad")
	if err := os.WriteFile(bad, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	files, other := bustest.NewAuthority(t).Files("a"), bustest.NewAuthority(t).Files("b")
	for name, c := range map[string]struct {
		opt  bus.Option
		want []string
	}{
		"creds missing":  {bus.Credentials(dir + "/none"), []string{"credentials file " + dir + "/none", "no such file"}},
		"creds bad":      {bus.Credentials(bad), []string{"credentials file " + bad, "want a JWT"}},
		"creds a folder": {bus.Credentials(dir), []string{"credentials file " + dir, "not a regular file"}},
		"seed missing":   {bus.SeedFile(dir + "/none"), []string{"NKey seed file " + dir + "/none", "no such file"}},
		"seed bad":       {bus.SeedFile(bad), []string{"NKey seed file " + bad, "begins with SU"}},
		"CA bad":         {bus.TLS(bus.TLSFiles{CA: bad}), []string{"CA file " + bad, "no certificate in it"}},
		"cert alone":     {bus.TLS(bus.TLSFiles{Cert: files.Cert}), []string{files.Cert, "its key file is missing"}},
		"key alone":      {bus.TLS(bus.TLSFiles{Key: files.Key}), []string{files.Key, "its certificate file is missing"}},
		"key of another": {bus.TLS(bus.TLSFiles{Cert: files.Cert, Key: other.Key}), []string{files.Cert, other.Key, "does not match"}},
	} {
		_, err := bus.Dial("nats://127.0.0.1:1", "x", c.opt)
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q in it", name, err, want)
			}
		}
	}
	_, err := bus.Dial("nats://127.0.0.1:1", "x", bus.Token("t"), bus.User("u", "p"))
	if err == nil || !strings.Contains(err.Error(), "only one") {
		t.Errorf("got %v of a token and a user", err)
	}
}

// TestAddressErrors shows no password or token of an address.
func TestAddressErrors(t *testing.T) {
	for _, url := range []string{"nats://joe:hidden@127.0.0.1:1", "nats://hidden@127.0.0.1:1", "nats://joe:hidden@bad host:1", "nats://a:1,nats://joe:hidden@:%zz", "joe:hidden@127.0.0.1:1"} {
		_, err := bus.Dial(url, "x")
		if err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: got %v", url, err)
		}
	}
}

// TestMutualTLS lets in who has a certificate of the right authority, also over nats://, and
// connections inside the process.
func TestMutualTLS(t *testing.T) {
	authority, stranger := bustest.NewAuthority(t), bustest.NewAuthority(t)
	mine := authority.Files("server")
	s := bustest.Start(t, bus.ServerConfig{Listen: "127.0.0.1:0", TLS: bus.ServerTLS{Cert: mine.Cert, Key: mine.Key, ClientCA: authority.CA}})
	good := authority.Files("client")
	for _, url := range []string{s.URL(), strings.Replace(s.URL(), "tls://", "nats://", 1), "nats://127.0.0.1:1," + s.URL()} {
		if err := bustest.Dial(t, url, bus.TLS(good)).Ready(bustest.Context(t)); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	if err := bustest.Connect(t, s).Ready(bustest.Context(t)); err != nil {
		t.Errorf("inside the process: %v", err)
	}
	foreign := stranger.Files("client")
	for name, f := range map[string]bus.TLSFiles{"no certificate": {CA: authority.CA}, "a server of an unknown authority": foreign,
		"a foreign certificate": {CA: authority.CA, Cert: foreign.Cert, Key: foreign.Key}} {
		if c, err := bus.Dial(s.URL(), "x", bus.TLS(f)); err == nil {
			c.Close()
			t.Errorf("%s was let in", name)
		}
	}
}

// TestSeedFile connects by NKey; another key is refused. A seed may be replaced while the
// connection is there.
func TestSeedFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "seed")
	key, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	write := func(k nkeys.KeyPair) {
		t.Helper()
		seed, err := k.Seed()
		if err == nil {
			err = os.WriteFile(file, seed, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s := bustest.Start(t, bus.ServerConfig{Listen: "127.0.0.1:0", Accounts: []natsconf.Account{{Name: "a", Users: []natsconf.User{{NKey: public}, {Name: "joe", Password: "$2 pass"}}}}})
	write(key)
	if err := bustest.Dial(t, s.URL(), bus.SeedFile(file)).Ready(bustest.Context(t)); err != nil {
		t.Error(err)
	}
	if err := bustest.Connect(t, s, bus.User("joe", "$2 pass")).Ready(bustest.Context(t)); err != nil {
		t.Error(err)
	}
	other, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	write(other)
	for name, opt := range map[string]bus.Option{"another key": bus.SeedFile(file), "a wrong password": bus.User("joe", "x"), "nobody": bus.Token("")} {
		if c, err := bus.Dial(s.URL(), "x", opt); err == nil || !strings.Contains(err.Error(), "Authorization") {
			t.Errorf("%s: got %v", name, err)
			if err == nil {
				c.Close()
			}
		}
	}
}
