package telemetry

import (
	"testing"

	"sluice/internal/bus/bustest"
)

func TestMain(m *testing.M) { bustest.Main(m) }
