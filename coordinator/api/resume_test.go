package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

// TestUploadGoesOn leaves an upload half done, as a command line does that is interrupted: the next
// one goes on with it, so that no room stays reserved.
func TestUploadGoesOn(t *testing.T) {
	d, ctx := newDesk(t, unlimited), bustest.Context(t)
	data := bytes.Repeat([]byte("0123456789abcdef"), 2*bus.FileChunk/16)
	sum := sha256.Sum256(data)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	_, body := d.do("POST", "/v1/uploads", fmt.Sprintf(`{"name":"file","size":%d,"sha256":%q}`, len(data), hex.EncodeToString(sum[:])))
	var begun struct {
		Upload coordinator.Upload `json:"upload"`
	}
	if err := json.Unmarshal([]byte(body), &begun); err != nil || begun.Upload.ID == "" {
		t.Fatal(err, body)
	}
	at := "/v1/uploads/" + begun.Upload.ID
	if resp, body := d.do("PATCH", at, string(data[:bus.FileChunk]), "Upload-Offset", "0", "Content-Type", "application/octet-stream"); resp.StatusCode != 200 {
		t.Fatalf("got %d %s", resp.StatusCode, body)
	}
	a, err := d.client(coordinator.Author).Upload(ctx, file)
	if err != nil || a.SHA256 != hex.EncodeToString(sum[:]) {
		t.Fatalf("got %+v, %v", a, err)
	}
	if resp, body := d.do("GET", at, ""); resp.StatusCode != 404 {
		t.Errorf("the one that was left: got %d %s, want it finished", resp.StatusCode, body)
	}
}
