package all_test

import (
	"testing"

	"sluice/nodes/all"
	"sluice/nodes/nodetest"
)

func TestExamples(t *testing.T) { nodetest.Examples(t, all.Catalogue()) }

func TestConformance(t *testing.T) { nodetest.Conformance(t, all.Catalogue()) }
