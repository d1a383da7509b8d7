package lead_test

import (
	"strings"
	"testing"

	"sluice/coordinator"
	"sluice/recipe"
)

const givingUp = `
recipe: upper
nodes:
  lines: {kind: file_reader, config: {path: in}}
  no:    {kind: parse_int, from: lines}
  slow:  {kind: delay, from: lines, config: {duration: 5ms}}
  out:   {kind: file_writer, from: slow, config: {path: out}}
`

// TestTroubleIsTold gives records up: events of the job tell of all of them, by node and with a
// reason, and of few at a time.
func TestTroubleIsTold(t *testing.T) {
	c := newCluster(t)
	c.worker()
	s := c.seat(nil)
	const lines = 300
	c.write("in", lines)
	c.submit(s, "one", givingUp)
	c.until(s, "one", "has succeeded", in(recipe.JobSucceeded))
	events, dead := 0, int64(0)
	for len(s.events) > 0 {
		e := <-s.events
		if e.Type != coordinator.EventError {
			continue
		}
		events++
		dead += e.Data.(map[string]int64)["dead"]
		if e.Job != "one" || e.Node != "no" || e.Level != coordinator.LevelWarning || !strings.Contains(e.Text, "given up: ") || len(e.Text) > 600 {
			t.Errorf("got %+v", e)
		}
	}
	if dead != lines || events == 0 || events > 20 {
		t.Errorf("%d events told of %d records, want few of %d", events, dead, lines)
	}
}
