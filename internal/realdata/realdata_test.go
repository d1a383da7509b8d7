package realdata

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/binary"
)

// The two recipes give what unzip, jq, sort and uniq make of the same logs.
func TestRecipesAgainstJQ(t *testing.T) {
	if testing.Short() {
		t.Skip("200 MB of logs take a while")
	}
	data := os.Getenv("SLUICE_DATA")
	if data == "" {
		data = filepath.Join("..", "..", "../shared/data") // beside the repository
	}
	data, err := filepath.Abs(data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(data, "windows")); err != nil {
		t.Skipf("no real logs in %s; SLUICE_DATA names another folder", data)
	}
	for _, tool := range []string{"bash", "unzip", "jq", "sort", "uniq", "sed", "awk"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("the check needs %s", tool)
			}
			t.Skipf("the check needs %s", tool)
		}
	}
	sluice, err := binary.Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("../../examples/real/check.sh", sluice, data).CombinedOutput()
	t.Logf("\n%s", out)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(out), ": equal, "); n != 2 {
		t.Errorf("%d recipes were compared, want 2", n)
	}
}
