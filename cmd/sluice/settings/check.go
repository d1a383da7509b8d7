package settings

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"net"
	"os"
	"path"
	"strings"

	"github.com/alecthomas/kong"

	"sluice/coordinator/secret"
	"sluice/internal/endpoint"
	"sluice/recipe"
)

// Row is a setting as it holds, and where its value comes from. Values never hold who a URL is
// asked for as.
type Row struct {
	Name  string `json:"setting"`
	Value string `json:"value"`
	From  string `json:"from"` // FILE:LINE, $VARIABLE, or default
}

// Check returns the settings that a service would run with, given a settings file ("" for none),
// the kinds that a worker has and a way to look variables up, in the order of its flags. All that
// is wrong is told together, as [Faults]: also files that are not there, addresses that the start
// would refuse, and patterns that no kind fits. A name in an address is looked up.
func Check(service, file string, kinds []string, env func(name string) (string, bool)) ([]Row, error) {
	r := NewResolver(env)
	app, flags, err := model(service, kong.Resolvers(r))
	if err != nil {
		return nil, err
	}
	var args []string
	if file != "" {
		args = []string{"--config=" + file}
	}
	var all Faults
	if _, err := app.Parse(args); err != nil && !errors.As(err, &all) {
		return nil, err
	}
	if all = append(all, r.refused(kinds)...); len(all) > 0 {
		return nil, all
	}
	var rows []Row
	for _, f := range flags {
		from := "default"
		switch v, ok := r.values[f.Name]; {
		case f.Name == "config" && file != "":
			from = "command line"
		case ok:
			from = v.from
		}
		rows = append(rows, Row{f.Name, shown(f), from})
	}
	return rows, nil
}

// Ready looks at what a start would be refused for beside what [Resolver.Validate] tells: files
// that are not there or can't be used, addresses that others could reach, and patterns that none of
// the kinds fits. All is told together, as [Faults]; [Check] tells the same. A name in an address
// is looked up.
func (r *Resolver) Ready(kinds []string) error {
	if all := r.refused(kinds); len(all) > 0 {
		return Faults(all)
	}
	return nil
}

func (r *Resolver) refused(kinds []string) []error {
	var l list
	for _, f := range settingsOf(r.service) {
		l.missing(f, serviceOf(r.service))
	}
	if s, listens := r.target().(interface{ listens() []listened }); listens {
		l.exposed(s.listens())
	}
	if s, secured := r.target().(interface{ unusable() error }); secured && len(l) == 0 {
		err := s.unusable()
		l.when(err != nil, "tls-listen-cert: %v", err)
	}
	if s, works := r.target().(interface{ patterns() []string }); works {
		l.unknown(s.patterns(), kinds)
	}
	return r.placed(l)
}

// missing finds a file or folder that is not there: the start would end by it.
func (l *list) missing(f *kong.Flag, service string) {
	switch v := f.Target.Interface().(type) {
	case []Project:
		for i, p := range v {
			_, err := os.Stat(p.Creds)
			var at *fs.PathError
			if errors.As(err, &at) {
				err = at.Err
			}
			l.item(err != nil, i, "%s: %v: %v; it names the project's folder that sluice nats setup has made, or a file with credentials", f.Name, p, err)
		}
	case string:
		if v == "" {
			return
		}
		_, err := os.Stat(v)
		none := errors.Is(err, fs.ErrNotExist)
		switch f.Name {
		case "root":
			l.when(none, "root: there is no folder %s", v)
			l.when(err != nil && !none, "root: %v", err)
		case "secret-key-file":
			if _, rerr := secret.ReadKeyring(v); !none || service != up { // which makes one
				l.when(rerr != nil, "%s: %v", f.Name, rerr)
			}
		case "nats-creds", "nats-nkey", "nats-system-nkey", "tls-ca", "tls-cert", "tls-key", "tls-listen-cert", "tls-listen-key", "cluster-ca":
			l.when(err != nil, "%s: %v", f.Name, err)
		}
	}
}

// unusable says why what listens could not show its certificate: the key may be another's.
func (e *Endpoint) unusable() error {
	if e.TLSListenCert == "" || e.TLSListenKey == "" {
		return nil
	}
	_, err := tls.LoadX509KeyPair(e.TLSListenCert, e.TLSListenKey)
	return err
}

// listened is a setting that says where something listens, and how it is secured.
type listened struct {
	setting, what, address string
	by                     Endpoint
}

func (c *Coordinator) listens() []listened {
	return []listened{{"listen", "the API", c.Listen, c.Endpoint}, {"metrics-listen", "metrics", c.MetricsListen, c.Endpoint}}
}

func (w *Worker) listens() []listened {
	return []listened{{"metrics-listen", "metrics", w.MetricsListen, w.Endpoint}}
}

func (u *Up) listens() []listened {
	return []listened{{"listen", "the API", u.Listen, u.Endpoint}, {"metrics-listen", "metrics", u.MetricsListen, u.Endpoint},
		{"nats-listen", "NATS", u.NATSListen, u.Endpoint}, {"cluster-listen", "the NATS cluster", u.ClusterListen, u.Between()}}
}

// Between is how the servers of the cluster secure what they say to each other: without
// cluster-ca there is no telling another server by its certificate, and so no TLS.
func (u *Up) Between() Endpoint {
	if u.ClusterCA == "" {
		return Endpoint{InsecureListen: u.InsecureListen}
	}
	return u.Endpoint
}

// exposed finds what others could reach without TLS, and hosts that nobody knows.
func (l *list) exposed(all []listened) {
	for _, p := range all {
		if (p.by.TLSListenCert == "") != (p.by.TLSListenKey == "") || p.address == "" {
			continue // the former is a fault of its own
		}
		_, err := endpoint.Allow(context.Background(), p.by.At(p.address, p.what, nil))
		hint := ""
		if p.setting == "cluster-listen" && errors.Is(err, endpoint.ErrExposed) {
			hint = "; TLS between servers needs cluster-ca, too"
		}
		l.when(errors.Is(err, endpoint.ErrExposed) || errors.As(err, new(*net.DNSError)), "%s: %v%s", p.setting, err, hint)
	}
}

func (w *Work) patterns() []string { return w.Kinds }

// gates is what stands before edges that may lose. A worker can be told to serve them alone.
const gates = "gate"

// unknown finds patterns that no kind fits: the worker would serve less than was meant.
func (l *list) unknown(patterns, kinds []string) {
	for i, pattern := range patterns {
		found := pattern == gates || pattern == ""
		for _, k := range kinds {
			fits, err := path.Match(pattern, k)
			found = found || fits || err != nil
		}
		hint := "sluice kinds lists them"
		if near := recipe.DidYouMean(pattern, kinds); near != "" {
			hint = near
		}
		l.item(!found, i, "kinds: no kind fits %q; %s", strings.TrimSpace(pattern), hint)
	}
}
