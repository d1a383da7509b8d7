package main

import (
	"fmt"
	"net/netip"
)

// network is the value of --allow-net: ADDRESS/LENGTH, or an address alone.
type network netip.Prefix

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *network) UnmarshalText(text []byte) error {
	if p, err := netip.ParsePrefix(string(text)); err == nil {
		*n = network(p)
		return nil
	}
	if a, err := netip.ParseAddr(string(text)); err == nil {
		*n = network(netip.PrefixFrom(a, a.BitLen()))
		return nil
	}
	return fmt.Errorf("%q is no network; one is written like 10.0.0.0/8", text)
}

// String returns the form that UnmarshalText reads.
func (n network) String() string { return netip.Prefix(n).String() }

// allowed returns the networks that nodes may reach beside public ones.
func (c *accessFlags) allowed() []netip.Prefix {
	var list []netip.Prefix
	for _, n := range c.AllowNet {
		list = append(list, netip.Prefix(n))
	}
	return list
}
