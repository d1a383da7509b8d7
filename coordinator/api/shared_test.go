package api_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/coordinator"
	"sluice/internal/bus/bustest"
)

// TestSharedArtifact uploads a file as two users: each has it, whatever the other one does. What
// reads one that is not there is refused when it is submitted.
func TestSharedArtifact(t *testing.T) {
	d, ctx := newDesk(t, unlimited), bustest.Context(t)
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, []byte("one\ntwo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	admin := []string{"Authorization", "Bearer " + d.keys[coordinator.Admin]}
	a, err := d.client(coordinator.Author).Upload(ctx, file)
	if err != nil {
		t.Fatal(err)
	}
	b, err := d.client(coordinator.Admin).Upload(ctx, file)
	if err != nil || a.ID == b.ID || a.Owner == b.Owner || a.SHA256 != b.SHA256 {
		t.Fatalf("got %+v and %+v, %v", a, b, err)
	}
	submit := func() (*http.Response, string) {
		return d.do("POST", "/v1/jobs", `{"source":"recipe: a\nnodes:\n  in: {kind: file_reader, config: {path: \"`+b.Ref+`\"}}\n  out: {kind: printer, from: in}\n"}`, admin...)
	}
	if resp, body := d.do("DELETE", "/v1/artifacts/"+a.ID, ""); resp.StatusCode != http.StatusNoContent {
		t.Fatalf("got %d %s", resp.StatusCode, body)
	}
	if resp, body := submit(); resp.StatusCode != http.StatusCreated {
		t.Fatalf("the other one's is gone, too: got %d %s", resp.StatusCode, body)
	}
	zeros := strings.Repeat("0", 64)
	b.Ref = "artifact:" + zeros + "/x"
	resp, body := submit()
	if p := problem(t, resp, body, http.StatusConflict, coordinator.Conflict); p.Detail != "the recipe names artifact "+zeros+", which is not there" || p.Hint == "" {
		t.Errorf("got %+v", p)
	}
}
