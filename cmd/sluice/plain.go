package main

import (
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/hashicorp/go-hclog"

	"sluice/cmd/sluice/settings"
)

// insecureHTTP is the variable by which a user says that keys may be sent without TLS.
const insecureHTTP = "SLUICE_INSECURE_HTTP"

// exposes reports whether a key that is sent to a server can be read by others on its way: by
// plain HTTP, to a host that is not known to be this machine.
func exposes(server string) bool {
	u, err := url.Parse(server)
	if err != nil || !strings.EqualFold(u.Scheme, "http") {
		return false
	}
	return afar(u)
}

// afar reports whether a URL's host is not known to be this machine.
func afar(u *url.URL) bool {
	host := u.Hostname()
	return !strings.EqualFold(host, "localhost") && !net.ParseIP(host).IsLoopback()
}

// warnPlainNATS logs which servers of other machines a service shows its credentials to, and sends
// what passes, without asking for TLS. A file for TLS asks for it, whatever the URL is.
func warnPlainNATS(n *settings.NATS, projects []settings.Project, log hclog.Logger) {
	shown := n.NATSCreds != "" || n.NATSNkey != "" || len(projects) > 0
	if !shown || n.TLSCA != "" || n.TLSCert != "" {
		return
	}
	for _, server := range n.URLs {
		if u, err := url.Parse(server); err == nil && (u.Scheme == "nats" || u.Scheme == "ws") && afar(u) {
			log.Warn(server+" asks for no TLS: who sits between can read and change what passes, unless the server demands it", "hint", "tls:// or --tls-ca asks for it")
		}
	}
}

// warnExposed says on stderr that a key is sent so, unless the user has said that it may be.
func warnExposed(server, key string) {
	if may, _ := strconv.ParseBool(os.Getenv(insecureHTTP)); may || key == "" || !exposes(server) {
		return
	}
	tell("warning: the key is sent to " + server + " without TLS, and can be read on its way; https:// avoids that, " + insecureHTTP + "=1 says that it may be")
}
