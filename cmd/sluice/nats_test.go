package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/bus/natsconf"
)

// TestNATSSetup runs the command again and again: keys stay, projects are added, limits change,
// and what the operator changed in nats.conf is left alone.
func TestNATSSetup(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nats")
	run := func(args ...string) string {
		t.Helper()
		var out, errs strings.Builder
		code := execute(t.Context(), append([]string{"nats", "setup", dir}, args...), streams{out: &out, err: &errs}, engine{})
		if code != codeDone {
			t.Fatalf("%v: got code %d: %s", args, code, errs.String())
		}
		return out.String()
	}
	read := func(names ...string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(append([]string{dir}, names...)...))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	first := run("--max-store", "2GiB", "--project", "shop", "--store-dir", "/data")
	if conf := read(natsconf.ServerFile); !strings.Contains(conf, `store_dir: "/data"`) {
		t.Errorf("got %s, want the folder that the server stores in", conf)
	}
	for _, want := range []string{"added: shop", "nats-server -c " + filepath.Join(dir, "nats.conf"), filepath.Join(dir, "shop", "worker.nk")} {
		if !strings.Contains(first, want) {
			t.Errorf("got %q, want %q in it", first, want)
		}
	}
	key := read("shop", natsconf.SeedOf(natsconf.Worker))
	if !strings.HasPrefix(key, "SU") || strings.Contains(first+read(natsconf.AccountsFile), strings.TrimSpace(key)) {
		t.Error("a seed is not where it belongs, and nowhere else")
	}
	changed := read(natsconf.ServerFile) + "\n# mine\n"
	if err := os.WriteFile(filepath.Join(dir, natsconf.ServerFile), []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	if second := run("--project", "lab"); !strings.Contains(second, "added: lab") || !strings.Contains(second, "kept, with their keys: shop") {
		t.Errorf("got %q", second)
	}
	if read("shop", natsconf.SeedOf(natsconf.Worker)) != key || read(natsconf.ServerFile) != changed {
		t.Error("a key or nats.conf was not kept")
	}
	accounts := read(natsconf.AccountsFile)
	for _, want := range []string{`"shop" {`, `"shop-control" {`, `"lab" {`, "max_file: 2147483648,", "max_file: 10737418240,"} {
		if !strings.Contains(accounts, want) {
			t.Errorf("%q is missing in %s", want, natsconf.AccountsFile)
		}
	}
	run("--project", "shop", "--max-store", "3G")
	if accounts = read(natsconf.AccountsFile); !strings.Contains(accounts, "max_file: 3221225472,") || strings.Contains(accounts, "max_file: 2147483648,") {
		t.Error("a limit was not changed")
	}
}

// TestNATSSetupRefuses names what can't be.
func TestNATSSetupRefuses(t *testing.T) {
	for want, args := range map[string][]string{
		"want letters, digits":  {"--project", "a b"},
		"a meaning of its own":  {"--project", "x-control"},
		"is no size":            {"--max-store", "much"},
		"both --cert and --key": {"--cert", "x.pem"},
		"needs --cluster-name":  {"--cluster-routes", "nats-route://h:1"},

		"--listen 0.0.0.0:4222: other machines can reach it": {"--listen", "0.0.0.0:4222"},
		"--listen n1:4222: other machines can reach it":      {"--listen", "n1:4222"},
		"--cluster-listen :6222: other machines":             {"--cluster-name", "c", "--cluster-listen", ":6222", "--cluster-routes", "nats-route://h:1"},
		"needs --cert, --key and --cluster-ca":               {"--cluster-name", "c", "--cluster-listen", ":6222", "--cluster-routes", "nats-route://h:1", "--cert", "x", "--key", "y"},
		"without a name and a password":                      {"--cluster-name", "c", "--cluster-listen", "127.0.0.1:6222", "--cluster-routes", "nats-route://joe:hidden@h:1"},
	} {
		var errs strings.Builder
		code := execute(t.Context(), append([]string{"nats", "setup", t.TempDir()}, args...), streams{out: &errs, err: &errs}, engine{})
		if code != codeUsage || !strings.Contains(errs.String(), want) || strings.Contains(errs.String(), "hidden") {
			t.Errorf("%v: got code %d, %s; want %q", args, code, errs.String(), want)
		}
	}
}

// TestSyncMode: with the system account's key a coordinator says at its start when the server forces
// to disk what it acknowledges; without it, that this is not known; with another one it does not start.
func TestSyncMode(t *testing.T) {
	t.Parallel()
	f := newFolder(t, nil)
	f.must(0, "", "nats setup nats --project blue --max-store 1GiB")
	for _, row := range []struct {
		always     bool
		more, want string
	}{
		{true, " --nats-system-nkey nats/system.nk", "all that is acknowledged is on the disk"},
		{false, " --nats-system-nkey nats/system.nk", "a power failure may lose what was acknowledged in the last 2m0s"},
		{true, "", "can't be asked from here"},
	} {
		server := bustest.Start(t, bus.ServerConfig{Listen: "127.0.0.1:0", SyncAlways: row.always, AccountsFile: filepath.Join(f.dir, "nats", natsconf.AccountsFile)})
		c := f.start("coordinator --nats " + server.URL() + " --projects blue=nats/blue --listen 127.0.0.1:0" + row.more)
		c.until("coordinator: http")
		if !strings.Contains(c.errs.String(), row.want) {
			t.Errorf("%+v: got\n%s", row, c.errs.String())
		}
		c.signal(syscall.SIGTERM)
		if code := c.exit(); code != 0 {
			t.Errorf("%+v: got exit code %d", row, code)
		}
	}
	f.must(0, "", "nats setup foreign")
	server := bustest.Start(t, bus.ServerConfig{Listen: "127.0.0.1:0", AccountsFile: filepath.Join(f.dir, "nats", natsconf.AccountsFile)})
	r := f.must(codeUnavailable, "", "coordinator --nats "+server.URL()+" --projects blue=nats/blue --listen 127.0.0.1:0 --nats-system-nkey foreign/system.nk")
	if !strings.Contains(r.errs, "--nats-system-nkey foreign/system.nk: ") {
		t.Errorf("got %s", r.errs)
	}
}

// TestNATSSetupCluster sets up two servers in one folder, as docs/deploy.md does.
func TestNATSSetupCluster(t *testing.T) {
	dir := t.TempDir()
	var password string
	for _, name := range []string{"n1", "n2"} {
		var out, errs strings.Builder
		code := execute(t.Context(), []string{"nats", "setup", dir, "--name", name, "--listen", "0.0.0.0:4222", "--insecure-listen",
			"--cluster-name", "c", "--cluster-listen", "0.0.0.0:6222", "--cluster-routes", "nats-route://n1:6222,nats-route://n2:6222"}, streams{out: &out, err: &errs}, engine{})
		conf := readFile(t, filepath.Join(dir, natsconf.ServerFile))
		mine := strings.TrimSpace(readFile(t, filepath.Join(dir, natsconf.RoutesFile)))
		if code != codeDone || !strings.Contains(errs.String(), "without TLS") || strings.Contains(out.String()+errs.String(), mine) {
			t.Errorf("got code %d, %s%s; want a warning, and no password", code, out.String(), errs.String())
		}
		if password == "" {
			password = mine
		}
		if mine != password || strings.Count(conf, password) != 3 || !strings.Contains(conf, `password: "`+password) {
			t.Errorf("%s: want the password %q there and in both routes: %s", name, password, conf)
		}
		if err := os.Remove(filepath.Join(dir, natsconf.ServerFile)); err != nil {
			t.Fatal(err)
		}
	}
}
