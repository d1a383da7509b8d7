package live

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// origins are the pages that may, as browsers write them.
type origins map[string]bool

// newOrigins reads a list of SCHEME://HOST[:PORT].
func newOrigins(list []string) (origins, error) {
	all := origins{}
	for _, text := range list {
		u, err := url.Parse(text)
		switch {
		case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", u.User != nil, u.RawQuery != "", u.Fragment != "",
			u.Path != "" && u.Path != "/", strings.ContainsAny(u.Host, "*?"):
			return nil, fmt.Errorf("origin %q: want SCHEME://HOST or SCHEME://HOST:PORT, exactly", text)
		}
		host := strings.ToLower(u.Host)
		if p := u.Port(); p == "" || p == map[string]string{"http": "80", "https": "443"}[u.Scheme] {
			host = strings.TrimSuffix(host, ":"+p)
		}
		all[u.Scheme+"://"+host] = true
	}
	return all, nil
}

// allow reports whether a request may be made by the page that it comes from. One that names
// no page comes from no browser. It is compared byte by byte: browsers write an origin in one
// way.
func (o origins) allow(r *http.Request) bool {
	named := r.Header.Values("Origin")
	return len(named) == 0 || len(named) == 1 && o[named[0]]
}

// originOf returns the origin to be told.
func originOf(r *http.Request) string {
	s := strings.Join(r.Header.Values("Origin"), " ")
	return strings.ToValidUTF8(s[:min(len(s), maxOrigin)], "")
}

// loopback reports whether a request has not left this machine: neither its client's address
// nor the one that it came to is of another.
func loopback(r *http.Request) bool {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if local == nil {
		return false
	}
	for _, text := range []string{local.String(), r.RemoteAddr} {
		a, err := netip.ParseAddrPort(text)
		if err != nil || !a.Addr().Unmap().IsLoopback() {
			return false
		}
	}
	return true
}

// addressOf returns a client's address, and whose rate it counts for: a network of IPv6 is one,
// since who has an address there has 2^64.
func addressOf(r *http.Request) (address, who string) {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return "?", "?"
	}
	a := ap.Addr().Unmap().WithZone("")
	if network, err := a.Prefix(64); err == nil && a.Is6() {
		return a.String(), network.String()
	}
	return a.String(), a.String()
}
