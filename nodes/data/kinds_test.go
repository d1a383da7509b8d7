package data_test

import (
	"testing"

	"sluice/nodes"
	"sluice/nodes/data"
	"sluice/nodes/nodetest"
)

func TestKinds(t *testing.T) {
	c, err := nodes.NewCatalogue(data.Kinds)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("examples", func(t *testing.T) { nodetest.Examples(t, c) })
	t.Run("conformance", func(t *testing.T) { nodetest.Conformance(t, c) })
}
