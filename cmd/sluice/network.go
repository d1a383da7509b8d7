package main

import (
	"net/netip"

	"sluice/cmd/sluice/settings"
)

// network is the value of --allow-net: ADDRESS/LENGTH, or an address alone.
type network = settings.Network

// allowed returns the networks that nodes may reach beside public ones.
func (c *accessFlags) allowed() []netip.Prefix {
	return (&settings.Work{AllowNet: c.AllowNet}).Networks()
}
