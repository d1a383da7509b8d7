package settings

import (
	"fmt"
	"net"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/coordinator/auth"
)

// Faults are all that is wrong with the settings of a service.
type Faults []error

// Error implements error: a line each.
func (f Faults) Error() string {
	if len(f) == 1 {
		return f[0].Error()
	}
	lines := []string{fmt.Sprintf("%d settings are wrong:", len(f))}
	for _, err := range f {
		lines = append(lines, "  "+err.Error())
	}
	return strings.Join(lines, "\n")
}

// faulty is a service's settings, which can say what is wrong with them as a whole.
type faulty interface{ Faults() []error }

// Faults returns what is wrong with the settings of a coordinator.
func (c *Coordinator) Faults() []error {
	f := slices.Concat(c.Common.faults(), c.NATS.faults(), c.Endpoint.faults(), c.API.faults(), c.OIDC.faults(), c.Jobs.faults())
	seen := map[string]bool{}
	var l list
	for i, p := range c.Projects {
		l.item(seen[p.Name], i, "projects: %s is there twice", p.Name)
		seen[p.Name] = true
		for _, q := range c.Projects[:i] {
			l.item(p.Name != q.Name && p.same(q), i, "projects: %v and %v have the same credentials, and would be one project; sluice nats setup DIR --project NAME makes those of another", q, p)
		}
	}
	return append(f, l...)
}

// Faults returns what is wrong with the settings of a worker.
func (w *Worker) Faults() []error {
	return slices.Concat(w.Common.faults(), w.NATS.faults(), w.Endpoint.faults(), w.Work.faults())
}

// Faults returns what is wrong with the settings of up.
func (u *Up) Faults() []error {
	return slices.Concat(u.Common.faults(), u.Embedded.faults(), u.Endpoint.faults(), u.API.faults(), u.OIDC.faults(), u.Jobs.faults(), u.Work.faults(), u.faults())
}

// faults are those of settings of several groups.
func (u *Up) faults() []error {
	var l list
	l.together(u.ClusterName != "" && u.NATSListen == "", "cluster-name needs nats-listen: a server of a cluster has an address for clients, too")
	l.together(u.ClusterCA != "" && u.TLSListenCert == "", "cluster-ca needs tls-listen-cert")
	return l
}

// fault is what is wrong with one setting. Its text begins with the setting's name, by which the
// place is found that the value comes from.
type fault struct {
	text     string
	item     int  // of a list, from 0
	together bool // settings that do not go together: they may, once what else is wrong with one is mended
}

// Error implements error.
func (f fault) Error() string { return f.text }

// setting is the name that the text begins with.
func (f fault) setting() string {
	name, _, _ := strings.Cut(f.text, " ")
	return strings.TrimSuffix(name, ":")
}

// list gathers faults.
type list []error

func (l *list) when(wrong bool, format string, args ...any) { l.item(wrong, 0, format, args...) }

// item finds a fault in one value of a list.
func (l *list) item(wrong bool, i int, format string, args ...any) {
	if wrong {
		*l = append(*l, fault{text: fmt.Sprintf(format, args...), item: i})
	}
}

// together finds settings that do not go together.
func (l *list) together(wrong bool, format string, args ...any) {
	if wrong {
		*l = append(*l, fault{text: fmt.Sprintf(format, args...), together: true})
	}
}

// address checks HOST:PORT; "" is none.
func (l *list) address(name, v string) {
	if v == "" {
		return
	}
	_, port, err := net.SplitHostPort(v)
	n, bad := strconv.ParseUint(port, 10, 16)
	l.when(err != nil || bad != nil || n > 65535, "%s: %q is no address; one is written like 127.0.0.1:8420", name, v)
}

// url checks a URL, which holds no credentials; those come from files. It never quotes one.
func (l *list) url(name string, i int, v string, schemes ...string) {
	u, err := url.Parse(v)
	switch {
	case err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme):
		l.item(true, i, "%s: %q is no URL that begins with %s://", name, masked(v), strings.Join(schemes, ":// or "))
	case u.User != nil:
		l.item(true, i, "%s: %q holds a user, a password or a token: they are given in a file, not in a URL", name, masked(v))
	}
}

// pair checks two files of which each needs the other.
func (l *list) pair(a, b, nameA, nameB string) {
	l.together(a != "" && b == "", "%s needs %s", nameA, nameB)
	l.together(a == "" && b != "", "%s needs %s", nameB, nameA)
}

func (c *Common) faults() []error {
	var l list
	l.address("metrics-listen", c.MetricsListen)
	l.when(c.DrainWithin <= 0 || c.DrainWithin > time.Hour, "drain-within: %v is not above 0 and at most an hour", c.DrainWithin)
	l.when(!(c.TraceShare >= 0 && c.TraceShare <= 1), "trace-share: %v is not from 0 to 1", c.TraceShare)
	if c.OTLPEndpoint != "" {
		l.url("otlp-endpoint", 0, c.OTLPEndpoint, "http", "https")
	}
	return l
}

func (n *NATS) faults() []error {
	var l list
	for i, u := range n.URLs {
		l.url("nats", i, u, "nats", "tls", "ws", "wss")
	}
	l.together(n.NATSCreds != "" && n.NATSNkey != "", "nats-creds and nats-nkey are both given; one of them is enough")
	l.pair(n.TLSCert, n.TLSKey, "tls-cert", "tls-key")
	return l
}

func (e *Endpoint) faults() []error {
	var l list
	l.pair(e.TLSListenCert, e.TLSListenKey, "tls-listen-cert", "tls-listen-key")
	return l
}

func (a *API) faults() []error {
	var l list
	l.when(a.Listen == "", "listen: an address is needed")
	l.address("listen", a.Listen)
	l.when(a.MaxBody < 1<<10 || a.MaxBody > 1<<30, "max-body: %v is not from 1KiB to 1GiB", a.MaxBody)
	l.when(a.MaxConnections < 1, "max-connections: %d is less than 1", a.MaxConnections)
	for i, o := range a.Origins {
		u, err := url.Parse(o)
		l.item(err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || o != u.Scheme+"://"+u.Host, i,
			"origins: %q is no origin; one is written like https://sluice.example.org, without a path", masked(o))
	}
	return l
}

func (o *OIDC) faults() []error {
	var l list
	if o.OIDCIssuer != "" {
		n := len(l)
		l.url("oidc-issuer", 0, o.OIDCIssuer, "https", "http")
		l.when(len(l) == n && !auth.Trusted(o.OIDCIssuer), "oidc-issuer: %s: an https URL is needed, or http to loopback", o.OIDCIssuer)
	}
	l.pair(o.OIDCIssuer, o.OIDCAudience, "oidc-issuer", "oidc-audience")
	seen := map[string]bool{}
	for i, r := range o.OIDCRoles {
		l.item(seen[r.Word], i, "oidc-roles: %s is there twice", r.Word)
		seen[r.Word] = true
	}
	l.when(o.OIDCRoleClaim == "", "oidc-role-claim: a name is needed")
	l.when(o.OIDCProjectClaim == "", "oidc-project-claim: a name is needed")
	return l
}

func (j *Jobs) faults() []error {
	var l list
	l.when(j.History < time.Minute, "history: %v is less than a minute", j.History)
	l.when(j.MaxRunning < 1, "max-running: %d is less than 1", j.MaxRunning)
	l.when(j.MaxJobsPerUser < 1, "max-jobs-per-user: %d is less than 1", j.MaxJobsPerUser)
	return l
}

// mostConcurrency bounds the frames computed at once.
const mostConcurrency = 4096

func (w *Work) faults() []error {
	var l list
	l.when(w.Concurrency < 0 || w.Concurrency > mostConcurrency, "concurrency: %d is not from 0 to %d", w.Concurrency, mostConcurrency)
	l.when(!(w.FullShare > 0 && w.FullShare <= 1), "full-share: %v is not above 0 and at most 1", w.FullShare)
	for i, k := range w.Kinds {
		_, err := path.Match(k, "")
		l.item(err != nil || k == "", i, "kinds: %q is no pattern of names", k)
	}
	return l
}

func (e *Embedded) faults() []error {
	var l list
	l.address("nats-listen", e.NATSListen)
	l.address("cluster-listen", e.ClusterListen)
	l.pair(e.ClusterName, e.ClusterListen, "cluster-name", "cluster-listen")
	l.together(e.ClusterCA != "" && e.ClusterName == "", "cluster-ca needs cluster-name")
	l.together(len(e.ClusterRoutes) > 0 && e.ClusterName == "", "cluster-routes needs cluster-name")
	l.together(e.Replicas > 1 && e.ClusterName == "", "replicas: %d servers need a cluster; name one with cluster-name", e.Replicas)
	for i, r := range e.ClusterRoutes {
		l.url("cluster-routes", i, r, "nats-route", "nats", "tls")
	}
	return l
}

// masked hides who a URL is asked for as.
func masked(v string) string {
	at := strings.LastIndexByte(v, '@')
	if at < 0 {
		return v
	}
	if scheme, _, ok := strings.Cut(v, "://"); ok && len(scheme) < at {
		return scheme + "://***" + v[at:]
	}
	return "***" + v[at:]
}
