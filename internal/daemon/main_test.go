package daemon_test

import (
	"testing"

	"sluice/internal/bus/bustest"
)

func TestMain(m *testing.M) { bustest.Main(m) }
