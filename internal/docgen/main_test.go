package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestUpToDate is what make check does.
func TestUpToDate(t *testing.T) {
	if err := run(filepath.Join("..", ".."), true); err != nil {
		t.Error(err)
	}
}

func TestChecksAndMends(t *testing.T) {
	root := t.TempDir()
	bad := filepath.Join(root, "docs", "diagnostics", "01.yaml")
	if err := write(bad, []byte("nodes: {}\n")); err != nil {
		t.Fatal(err)
	}
	if err := run(root, true); err == nil || !strings.Contains(err.Error(), "docs/kinds/md5_hash.md") {
		t.Errorf("got %v, want the missing pages", err)
	}
	if err := run(root, false); err != nil {
		t.Fatal(err)
	}
	if err := run(root, true); err != nil {
		t.Errorf("got %v after writing", err)
	}
	if err := write(filepath.Join(root, "docs", "kinds", "gone.md"), nil); err != nil {
		t.Fatal(err)
	}
	if err := run(root, true); err == nil || !strings.Contains(err.Error(), "gone.md") {
		t.Errorf("got %v, want the page of a kind that is no more", err)
	}
	if err := run(root, false); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "docs", "kinds", "gone.md")); err == nil {
		t.Error("the page of a kind that is no more is still there")
	}
	if err := write(bad, []byte("recipe: sound\nnodes:\n  n: {kind: integer_generator, config: {count: 1}}\n")); err != nil {
		t.Fatal(err)
	}
	if err := run(root, false); err == nil || !strings.Contains(err.Error(), "no fault") {
		t.Errorf("got %v, want the recipe that is no bad example", err)
	}
}

// TestTwentyFiveFaults holds the table to its size, and every recipe to one sort of fault.
func TestTwentyFiveFaults(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "docs", "diagnostics", "*.yaml"))
	if err != nil || len(files) < 25 {
		t.Errorf("got %d bad recipes, %v, want 25", len(files), err)
	}
}
