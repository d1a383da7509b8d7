package layout

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestDiff(t *testing.T) {
	before := "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\n"
	after := "a\nB\nc\nd\ne\nf\ng\nh\ni\nj\nl\nm\n"
	want := `--- x
+++ x
@@ -1,5 +1,5 @@
 a
-b
+B
 c
 d
 e
@@ -8,5 +8,5 @@
 h
 i
 j
-k
 l
+m
`
	if got := Diff("x", "x", []byte(before), []byte(after)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := Diff("x", "x", []byte(before), []byte(before)); got != "" {
		t.Errorf("got %q for equal texts", got)
	}
}

// TestDiffApplies gives diffs to patch, which must make the one text from the other.
func TestDiffApplies(t *testing.T) {
	patch, err := exec.LookPath("patch")
	if err != nil && os.Getenv("CI") == "" {
		t.Skip("there is no patch program")
	}
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 1, 40)
		before := strings.Join(lines.Draw(t, "before"), "\n") + "\n"
		after := strings.Join(lines.Draw(t, "after"), "\n") + "\n"
		diff := Diff("x", "x", []byte(before), []byte(after))
		if diff == "" && before == after {
			return
		}
		file := filepath.Join(dir, "x")
		if err := os.WriteFile(file, []byte(before), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(patch, "-s", file)
		cmd.Stdin = strings.NewReader(diff)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s\n%s", err, out, diff)
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != after {
			t.Fatalf("got %q, want %q from\n%s", got, after, diff)
		}
	})
}
