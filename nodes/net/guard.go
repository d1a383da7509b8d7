package net

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"time"

	"sluice/nodes"
)

// Guard opens connections to public addresses, and to those that the operator allowed
// besides. It looks at the address that a connection goes to, after the name was
// resolved: a name that first stands for a public address and then for a private one
// gains nothing.
type Guard struct {
	Allow []netip.Prefix // addresses that would be refused otherwise
	// Resolver finds the addresses of names; nil is the system's.
	Resolver *net.Resolver
}

// dialTimeout bounds the wait for one connection.
const dialTimeout = 30 * time.Second

// Dial connects to an address as net.Dialer does. An address that is refused is a
// Permanent error that names it.
func (g *Guard) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return nil, nodes.Permanentf("connections by %s are refused", network)
	}
	d := net.Dialer{
		Timeout:  dialTimeout,
		Resolver: g.Resolver,
		Control: func(_, resolved string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(resolved)
			if err != nil {
				return nodes.Permanentf("the address %s can't be checked: %w", resolved, err)
			}
			return g.Check(to.Addr())
		},
	}
	return d.DialContext(ctx, network, address)
}

// Check refuses an address that is neither public nor allowed, by a Permanent error.
func (g *Guard) Check(a netip.Addr) error {
	a = a.Unmap().WithZone("")
	for _, p := range g.Allow {
		if p.Contains(a) {
			return nil
		}
	}
	if reason := notPublic(a); reason != "" {
		return nodes.Permanentf("%s is %s; the operator can allow it with --allow-net %s", a, reason, netip.PrefixFrom(a, a.BitLen()))
	}
	return nil
}

// special are the blocks of the IANA special-purpose registries that netip has no
// question for, and the ways to write an IPv4 address inside of an IPv6 one.
var special = []struct {
	block  netip.Prefix
	reason string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "an address of this network"},
	{netip.MustParsePrefix("100.64.0.0/10"), "an address of a provider's network"},
	{netip.MustParsePrefix("192.0.0.0/24"), "an address for protocols"},
	{netip.MustParsePrefix("192.0.2.0/24"), "an address for documentation"},
	{netip.MustParsePrefix("198.18.0.0/15"), "an address for benchmarks"},
	{netip.MustParsePrefix("198.51.100.0/24"), "an address for documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "an address for documentation"},
	{netip.MustParsePrefix("240.0.0.0/4"), "a reserved address"},
	{netip.MustParsePrefix("::/96"), "an IPv4 address in an old form"},
	{netip.MustParsePrefix("64:ff9b::/96"), "a translated IPv4 address"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "a translated IPv4 address"},
	{netip.MustParsePrefix("100::/64"), "an address that discards"},
	{netip.MustParsePrefix("2001::/23"), "an address for protocols"},
	{netip.MustParsePrefix("2001:db8::/32"), "an address for documentation"},
	{netip.MustParsePrefix("2002::/16"), "a tunnelled IPv4 address"},
	{netip.MustParsePrefix("fec0::/10"), "a site-local address"},
}

// notPublic says what sort of address a is, or "" when it is public.
func notPublic(a netip.Addr) string {
	switch {
	case !a.IsValid():
		return "no address"
	case a.IsLoopback():
		return "a loopback address"
	case a.IsUnspecified():
		return "the unspecified address"
	case a.IsLinkLocalUnicast():
		return "a link-local address"
	case a.IsPrivate():
		return "a private address"
	case a.IsMulticast():
		return "a multicast address"
	}
	for _, s := range special {
		if s.block.Contains(a) {
			return s.reason
		}
	}
	if !a.IsGlobalUnicast() {
		return "not an address of a host"
	}
	return ""
}
