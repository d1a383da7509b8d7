package api_test

import (
	"encoding/json"
	"testing"

	"sluice/coordinator"
	"sluice/internal/bus/bustest"
)

// TestAuditedOutcomes looks in the audit log for what requests have made, and for one that was
// refused while its answer was written past the framework.
func TestAuditedOutcomes(t *testing.T) {
	d := newDesk(t)
	prefix, _ := d.newKey("ann")
	job := d.wide(1)
	var begun struct{ Upload coordinator.Upload }
	if _, body := d.do("POST", "/v1/uploads", `{"name":"x","size":10}`); json.Unmarshal([]byte(body), &begun) != nil || begun.Upload.ID == "" {
		t.Fatalf("got %s", body)
	}
	upload := begun.Upload.ID
	for offset, want := range map[string]int{"5": 412, "0": 200} {
		if resp, body := d.do("PATCH", "/v1/uploads/"+upload, "0123456789", "Upload-Offset", offset, "Content-Type", "application/octet-stream"); resp.StatusCode != want {
			t.Fatalf("got %d %s, want %d", resp.StatusCode, body, want)
		}
	}
	type line struct {
		operation, object string
		outcome           coordinator.Outcome
	}
	for _, want := range []line{{"create-key", prefix, coordinator.Allowed}, {"submit-job", string(job), coordinator.Allowed}, {"create-upload", upload, coordinator.Allowed},
		{"append-upload", upload, coordinator.Faulty}, {"append-upload", upload, coordinator.Allowed}} {
		bustest.Eventually(t, want.operation+" of "+want.object+" "+string(want.outcome), func() bool {
			for _, e := range d.audited() {
				if (line{e.Operation, e.Object, e.Outcome}) == want {
					return true
				}
			}
			return false
		})
	}
}
