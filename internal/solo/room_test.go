package solo

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/coordinator/compile"
	"sluice/nodes/all"
	"sluice/recipe"
)

// A job whose store has reached its limit rests with a reason, and goes on from where it
// was when the limit is higher.
func TestStoreLimit(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	var lines strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&lines, "%d %x\n", i, sha256.Sum256(fmt.Append(nil, i))) // can't be packed
	}
	if err := os.WriteFile(filepath.Join(dir, "in.txt"), []byte(lines.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	cat := all.Catalogue()
	plan, faults := compile.Compile("limit.yaml", []byte(`
recipe: limit
nodes:
  lines: {kind: file_reader, config: {path: in.txt, split_bytes: 1000000}}
  slow:  {kind: throttle, from: {node: lines, capacity: 1000}, config: {rate: 40000}}
  out:   {kind: file_writer, from: slow, config: {path: out.txt}}
`), compile.Options{Catalogue: cat})
	if plan == nil {
		t.Fatal(faults)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	run := func(limit int64) recipe.Progress {
		p, err := Run(ctx, Config{Plan: plan, Catalogue: cat, Dir: filepath.Join(dir, "data"), Root: root, Resume: true, MaxStore: limit})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := run(1 << 20); p.State != recipe.JobStopped || !strings.Contains(p.Reason, "store is full") {
		t.Errorf("a full store: got %s, %q; want it stopped for a full store", p.State, p.Reason)
	}
	if p := run(1 << 30); p.State != recipe.JobSucceeded {
		t.Errorf("with more room: got %s, %q; want success", p.State, p.Reason)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "out.txt")); err != nil || string(got) != lines.String() {
		t.Errorf("out.txt has %d bytes, want %d, the same (%v)", len(got), lines.Len(), err)
	}
}
