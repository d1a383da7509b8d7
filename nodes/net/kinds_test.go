package net_test

import (
	"testing"

	"sluice/nodes"
	"sluice/nodes/net"
	"sluice/nodes/nodetest"
)

func TestKinds(t *testing.T) {
	c, err := nodes.NewCatalogue(net.Kinds)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("examples", func(t *testing.T) { nodetest.Examples(t, c) })
	t.Run("conformance", func(t *testing.T) { nodetest.Conformance(t, c) })
}
