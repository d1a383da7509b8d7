package coordinator_test

import (
	"slices"
	"strings"
	"testing"

	"sluice/coordinator"
)

// TestArtifactsIn finds the digests that a text names.
func TestArtifactsIn(t *testing.T) {
	a, b := strings.Repeat("a1", 32), strings.Repeat("0f", 32)
	for text, want := range map[string][]string{
		"":              nil,
		"artifact:":     nil,
		"artifact:" + a: {a},
		"path: artifact:" + b + "/auth.log, artifact:" + a + "/x": {b, a},
		"artifact:" + a + "artifact:" + b + "artifact:" + a:       {b, a},
		"artifact:artifact:" + a:                                  {a},
		"artifact:" + a + b:                                       {a},
		"artifact:" + a[1:]:                                       nil,
		"artifact:" + a[1:] + " artifact:" + b:                    {b},
		"artifact:" + strings.ToUpper(a):                          nil,
		"artifact:g" + a[1:]:                                      nil,
		"artifact: " + a:                                          nil,
		"artifact:" + a[:63] + "é artifact:" + b:                  {b},
	} {
		if got := coordinator.ArtifactsIn(text); !slices.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}
