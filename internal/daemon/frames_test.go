package daemon

import (
	"testing"

	"sluice/recipe"
)

// TestFrames makes frames larger where several servers keep each, and lets them travel in
// messages still.
func TestFrames(t *testing.T) {
	if got := frames(1); got != (recipe.FrameLimits{}) {
		t.Errorf("one server: got %+v, want the usual", got)
	}
	got := frames(3)
	if got.Records <= recipe.FrameRecords || got.Records > recipe.PartRecords || got.Bytes <= recipe.FrameBytes || got.Bytes > recipe.InlineBytes {
		t.Errorf("three servers: got %+v", got)
	}
}
