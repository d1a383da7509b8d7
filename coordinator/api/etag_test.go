package api_test

import (
	"strings"
	"testing"

	"sluice/coordinator"
	"sluice/coordinator/events"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// TestETagOfProgress shows a job that makes progress: a poller gets it, and what it has then is good
// for an order, since progress is no change of a job.
func TestETagOfProgress(t *testing.T) {
	d, ctx := newDesk(t), bustest.Context(t)
	c := d.client(coordinator.Author)
	job, err := c.Submit(ctx, submission(), "")
	if err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "the leader has looked at it", func() bool {
		j, err := c.Job(ctx, job.ID)
		return err == nil && j.Waiting != ""
	})
	told, err := events.Open(ctx, events.Config{Conn: d.conn})
	if err != nil {
		t.Fatal(err)
	}
	defer told.Close()
	path := "/v1/jobs/" + string(job.ID)
	resp, _ := d.do("GET", path, "")
	tag := resp.Header.Get("ETag")
	for _, reason := range []string{"one", "two"} {
		told.Emit(coordinator.Event{Job: job.ID, Type: coordinator.EventProgress, Level: coordinator.LevelInfo, Data: recipe.Progress{Reason: reason}})
		bustest.Eventually(t, "the poller sees progress "+reason, func() bool {
			resp, body := d.do("GET", path, "", "If-None-Match", tag)
			if resp.StatusCode != 200 || !strings.Contains(body, `"reason":"`+reason+`"`) {
				return false
			}
			tag = resp.Header.Get("ETag")
			return true
		})
		if resp, body := d.do("GET", path, "", "If-None-Match", tag); resp.StatusCode != 304 || body != "" || resp.Header.Get("ETag") != tag || !strings.HasPrefix(tag, "W/") {
			t.Errorf("the same again: got %d %q %s, had %s", resp.StatusCode, body, resp.Header.Get("ETag"), tag)
		}
	}
	if resp, body := d.do("POST", path+"/pause", "", "If-Match", tag); resp.StatusCode != 202 {
		t.Errorf("an order: got %d %s", resp.StatusCode, body)
	}
	resp, body := d.do("POST", path+"/resume", "", "If-Match", tag)
	problem(t, resp, body, 412, coordinator.Changed)
}
