package main

import (
	"fmt"
	"io"
	"math"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"

	"sluice/internal/bus/natsconf"
)

type natsCmd struct {
	Setup natsSetupCmd `cmd:"" help:"Write a nats-server configuration with accounts and keys for projects."`
}

type natsSetupCmd struct {
	Dir     string   `arg:"" help:"Folder to write into; it is made where it is missing."`
	Project []string `short:"p" placeholder:"NAME" help:"Project to add, or whose limits to change; may be given several times. Without any, a new folder gets one named default."`

	MaxStore     *byteSize `placeholder:"SIZE" help:"What each of these projects may store in files, such as 10GiB (the default)."`
	MaxMemory    *byteSize `placeholder:"SIZE" help:"The same of memory; 64MiB by default."`
	MaxStreams   *int      `placeholder:"N" help:"Streams of each of these projects; a job has four to six. 20000 by default."`
	MaxConsumers *int      `placeholder:"N" help:"Consumers of each of these projects; a job has about one a step, and its readers. 100000 by default."`

	Listen        string   `default:"127.0.0.1:4222" help:"HOST:PORT that the server listens on. For nats.conf, which is written once, as all below."`
	Name          string   `default:"sluice" help:"Name of the server."`
	StoreDir      string   `placeholder:"DIR" help:"Folder that the server stores in, as the server sees it, such as /data in a container. Without it, data beside nats.conf."`
	Cert          string   `placeholder:"FILE" help:"Certificate of the server, for TLS; PEM."`
	Key           string   `placeholder:"FILE" help:"Its private key."`
	ClientCA      string   `placeholder:"FILE" help:"Who signs the certificates that clients must show; without it they need none."`
	ClusterName   string   `placeholder:"NAME" help:"Name of the cluster, for a server that is one of several."`
	ClusterListen string   `placeholder:"HOST:PORT" help:"Where the other servers reach this one."`
	ClusterRoutes []string `placeholder:"URL" help:"The other servers, as nats-route://HOST:PORT."`
	ClusterCA     string   `name:"cluster-ca" placeholder:"FILE" help:"Who signed the certificates that the servers show each other, which are those of --cert; needed with it."`

	InsecureListen bool `help:"Have the server listen without TLS on addresses that others can reach: data are then readable on the way."`
}

// Help is shown by nats setup --help.
func (natsSetupCmd) Help() string {
	return `Each project becomes two accounts, one for its jobs and one for its control plane, with a
seed file for a coordinator in each and one for workers, which have no more rights than they
need. Keys that exist are kept, so the command may be run again to add projects or to change
limits; then the server has to read its configuration again. Servers of a cluster are set up in
one folder: they show each other the password that it holds.`
}

// Run writes the folder.
func (c natsSetupCmd) Run(std streams) error {
	if (c.Cert == "") != (c.Key == "") || c.ClientCA != "" && c.Cert == "" {
		return usagef("TLS needs both --cert and --key")
	}
	if c.ClusterName == "" && (c.ClusterListen != "" || len(c.ClusterRoutes) > 0) || c.ClusterName != "" && (c.ClusterListen == "" || len(c.ClusterRoutes) == 0) {
		return usagef("a cluster needs --cluster-name, --cluster-listen and --cluster-routes")
	}
	if c.ClusterName != "" && (c.Cert == "") != (c.ClusterCA == "") {
		return usagef("TLS of a cluster needs --cert, --key and --cluster-ca")
	}
	if err := c.exposed(std.err); err != nil {
		return err
	}
	there, _ := natsconf.Projects(c.Dir) // none where there is no folder
	if len(c.Project) == 0 && len(there) == 0 {
		c.Project = []string{"default"}
	}
	limits := c.limits()
	if len(c.Project) == 0 && limits != (natsconf.Limits{}) {
		return usagef("--project says whose limits change")
	}
	change := natsconf.Change{Projects: c.Project, Limits: limits, Server: natsconf.Server{Name: c.Name, Listen: c.Listen, StoreDir: c.StoreDir,
		Cluster: natsconf.Cluster{Name: c.ClusterName, Listen: c.ClusterListen, Routes: c.ClusterRoutes}}}
	for _, f := range []struct{ from, to *string }{{&c.Cert, &change.Server.Cert}, {&c.Key, &change.Server.Key}, {&c.ClientCA, &change.Server.ClientCA}, {&c.ClusterCA, &change.Server.Cluster.CA}} {
		if *f.from == "" {
			continue
		}
		path, err := filepath.Abs(*f.from) // a server reads it from wherever it is started
		if err != nil {
			return err
		}
		*f.to = path
	}
	done, err := natsconf.Setup(c.Dir, change)
	if err != nil {
		return usagef("nats setup: %w", plain(err))
	}
	_, err = fmt.Fprint(std.out, c.next(done))
	return err
}

// exposed refuses a server that listens without TLS where others can reach it, unless that is
// allowed; then it is said. A host's name is one of those: what it means where the server runs is
// not known here.
func (c natsSetupCmd) exposed(warn io.Writer) error {
	if c.Cert != "" {
		return nil
	}
	for flag, address := range map[string]string{"--listen": c.Listen, "--cluster-listen": c.ClusterListen} {
		host, _, err := net.SplitHostPort(address)
		if at, bad := netip.ParseAddr(host); address == "" || host == "localhost" || bad == nil && at.Unmap().IsLoopback() {
			continue
		}
		switch {
		case err != nil:
			return usagef("%s: %q is no address; one is written like 127.0.0.1:4222", flag, address)
		case !c.InsecureListen:
			return usagef("%s %s: other machines can reach it, and there is no TLS; give it --cert and --key, or allow it with --insecure-listen", flag, address)
		}
		fmt.Fprintf(warn, "warning: %s %s is without TLS where other machines can reach it: data are readable on the way\n", flag, address)
	}
	return nil
}

// limits are those that the command line names, 0 for the others.
func (c natsSetupCmd) limits() (l natsconf.Limits) {
	if c.MaxStore != nil {
		l.Store = int64(*c.MaxStore)
	}
	if c.MaxMemory != nil {
		l.Memory = int64(*c.MaxMemory)
	}
	if c.MaxStreams != nil {
		l.Streams = *c.MaxStreams
	}
	if c.MaxConsumers != nil {
		l.Consumers = *c.MaxConsumers
	}
	return l
}

// next says what was done, and what to do next.
func (c natsSetupCmd) next(done *natsconf.Done) string {
	var b strings.Builder
	in := func(names ...string) string { return filepath.Join(append([]string{c.Dir}, names...)...) }
	if len(done.Added) > 0 {
		fmt.Fprintf(&b, "added: %s\n", strings.Join(done.Added, ", "))
	}
	if len(done.Kept) > 0 {
		fmt.Fprintf(&b, "kept, with their keys: %s\n", strings.Join(done.Kept, ", "))
	}
	if done.Server {
		fmt.Fprintf(&b, "\nStart the server:\n  nats-server -c %s\n", in(natsconf.ServerFile))
	} else {
		fmt.Fprintf(&b, "\n%s is as it was. Have the server read its accounts again:\n  nats-server --signal reload\n", in(natsconf.ServerFile))
		fmt.Fprintf(&b, "Where the projects may store more together than before, start it anew instead.\n")
	}
	example := append(done.Added, done.Kept...)[0]
	fmt.Fprintf(&b, "\nSeeds of a project, here %s:\n  coordinator  %s\n               %s (its control plane)\n  workers      %s\n", example,
		in(example, natsconf.SeedOf(natsconf.Coordinator)), in(example, natsconf.SeedOf(natsconf.Control)), in(example, natsconf.SeedOf(natsconf.Worker)))
	fmt.Fprintf(&b, "A worker's machine needs its project's %s and nothing else of this folder.\n", natsconf.SeedOf(natsconf.Worker))
	return b.String()
}

// byteSize is a number of bytes, such as 512MiB, 10G or 1000000.
type byteSize int64

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *byteSize) UnmarshalText(text []byte) error {
	number, unit := string(text), int64(1)
	upper := strings.TrimSuffix(strings.TrimSuffix(strings.ToUpper(number), "B"), "I")
	if n := len(upper); n > 0 {
		if i := strings.IndexByte("KMGT", upper[n-1]); i >= 0 {
			unit, upper = int64(1)<<(10*(i+1)), upper[:n-1]
		}
	}
	n, err := strconv.ParseInt(upper, 10, 64)
	if err != nil || n <= 0 || n > math.MaxInt64/unit {
		return fmt.Errorf("%q is no size; want a number of bytes, or such as 512MiB or 10GiB", number)
	}
	*s = byteSize(n * unit)
	return nil
}
