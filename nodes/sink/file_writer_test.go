package sink

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"sluice/nodes"
)

func openRoot(t testing.TB, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

func build(t testing.TB, root *os.Root, config string) *fileWriter {
	t.Helper()
	node, err := fileWriterKind.Build([]byte(config), &nodes.Env{Root: root, Job: "j1", Node: "sub/out"})
	if err != nil {
		t.Fatal(err)
	}
	return node.(*fileWriter)
}

func write(t testing.TB, w *fileWriter, lines ...string) error {
	t.Helper()
	for _, l := range lines {
		if err := w.Process(nil, nodes.TextRecord(l)); err != nil {
			t.Fatal(err)
		}
	}
	return w.Flush(context.Background())
}

// TestAnyCrash kills the writer at random points, between any two of its calls, and
// restores it from the last checkpoint: the file must be the same as without.
func TestAnyCrash(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		mode := rapid.SampledFrom([]string{"replace", "append", "fail"}).Draw(rt, "mode")
		old := ""
		if mode != "fail" && rapid.Bool().Draw(rt, "exists") {
			old = rapid.SampledFrom([]string{"old\n", "old"}).Draw(rt, "old")
		}
		frames := rapid.SliceOfN(rapid.SliceOfN(rapid.StringMatching(`[a-z]{0,5}`), 0, 4), 0, 6).Draw(rt, "frames")
		want := ""
		if mode == "append" {
			want = old
		}
		for _, f := range frames {
			for _, l := range f {
				if want == "old" {
					want += "\n"
				}
				want += l + "\n"
			}
		}
		dir, err := os.MkdirTemp("", "sink")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		if old != "" {
			os.WriteFile(filepath.Join(dir, "f"), []byte(old), 0o644)
		}
		writeAndCrash(t, rt, dir, fmt.Sprintf(`{"path":"f","if_exists":%q}`, mode), frames)
		got, err := os.ReadFile(filepath.Join(dir, "f"))
		if err != nil || string(got) != want {
			rt.Fatalf("%s: got %q %v, want %q", mode, got, err, want)
		}
		if left, _ := os.ReadDir(dir); len(left) != 1 {
			rt.Fatalf("%s: left behind: %v", mode, left)
		}
	})
}

func writeAndCrash(t *testing.T, rt *rapid.T, dir, config string, frames [][]string) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	w := build(t, root, config)
	defer func() { w.Close() }()
	var checkpoint []byte
	crash := func() bool {
		if rapid.IntRange(0, 3).Draw(rt, "crash") != 0 {
			return false
		}
		w.Close()
		w = build(t, root, config)
		if err := w.Restore(checkpoint); err != nil {
			rt.Fatal(err)
		}
		return true
	}
	for i := 0; i < len(frames); i++ {
		if err := write(t, w, frames[i]...); err != nil {
			rt.Fatal(err)
		}
		if crash() {
			i--
			continue
		}
		checkpoint = w.AppendSnapshot(nil)
		crash()
	}
	for range rapid.IntRange(1, 3).Draw(rt, "seals") {
		crash()
		if err := w.Seal(context.Background()); err != nil {
			rt.Fatal(err)
		}
	}
}

func TestTargetStaysUntilSealed(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "f"), []byte("old"), 0o644)
	w := build(t, openRoot(t, dir), `{"path":"f"}`)
	if err := write(t, w, "new"); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "f")); string(b) != "old" {
		t.Errorf("before the seal: got %q", b)
	}
	if _, err := os.Stat(filepath.Join(dir, ".f.j1.sub.out.part")); err != nil {
		t.Errorf("the part file is not named for job and node: %v", err)
	}
}

func TestIfExistsFail(t *testing.T) {
	dir := t.TempDir()
	root := openRoot(t, dir)
	os.WriteFile(filepath.Join(dir, "f"), []byte("old"), 0o644)
	w := build(t, root, `{"path":"f","if_exists":"fail"}`)
	if err := write(t, w, "new"); !nodes.IsPermanent(err) || !strings.Contains(err.Error(), "f exists") {
		t.Errorf("at the first frame: got %v", err)
	}
	if err := build(t, root, `{"path":"f","if_exists":"fail"}`).Seal(context.Background()); err == nil {
		t.Error("without records: got no error")
	}
	// A file that appears while the job runs is not replaced either.
	w = build(t, root, `{"path":"g","if_exists":"fail"}`)
	if err := write(t, w, "new"); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(dir, "g"), []byte("theirs"), 0o644)
	if err := w.Seal(context.Background()); err == nil || !strings.Contains(err.Error(), "g exists") {
		t.Errorf("at the seal: got %v", err)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "g")); string(b) != "theirs" {
		t.Errorf("got %q", b)
	}
}

func TestSealBetweenLinkAndRemove(t *testing.T) {
	dir := t.TempDir()
	root := openRoot(t, dir)
	w := build(t, root, `{"path":"f","if_exists":"fail"}`)
	if err := write(t, w, "a"); err != nil {
		t.Fatal(err)
	}
	state := w.AppendSnapshot(nil)
	w.Close()
	if err := os.Link(filepath.Join(dir, ".f.j1.sub.out.part"), filepath.Join(dir, "f")); err != nil {
		t.Skip("no hard links here")
	}
	w = build(t, root, `{"path":"f","if_exists":"fail"}`)
	if err := w.Restore(state); err != nil {
		t.Fatal(err)
	}
	if err := w.Seal(context.Background()); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestLostPartIsTold(t *testing.T) {
	dir := t.TempDir()
	root := openRoot(t, dir)
	for _, mode := range []string{"replace", "append"} {
		config := fmt.Sprintf(`{"path":%q,"if_exists":%q}`, mode, mode)
		w := build(t, root, config)
		if err := write(t, w, "abc"); err != nil {
			t.Fatal(err)
		}
		state := w.AppendSnapshot(nil)
		w.Close()
		for _, f := range []string{mode, "." + mode + ".j1.sub.out.part"} {
			os.Remove(filepath.Join(dir, f))
		}
		w = build(t, root, config)
		w.Restore(state)
		if err := w.Seal(context.Background()); err == nil || !strings.Contains(err.Error(), "gone") {
			t.Errorf("%s: got %v", mode, err)
		}
	}
}

func TestFaultsNameThePath(t *testing.T) {
	dir := t.TempDir()
	root := openRoot(t, dir)
	os.WriteFile(filepath.Join(dir, "file"), nil, 0o644)
	os.Mkdir(filepath.Join(dir, "folder"), 0o755)
	os.Symlink(os.TempDir(), filepath.Join(dir, "away"))
	for path, reason := range map[string]string{
		"file/below": "file exists", "away/x": "--root DIR", "folder": "folder",
	} {
		w := build(t, root, fmt.Sprintf(`{"path":%q,"if_exists":"append"}`, path))
		if err := write(t, w, "x"); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: got %v, want %q", path, err, reason)
		}
	}
	for _, path := range []string{"../x", "/etc/x", ".", "a/../../x", "new/"} {
		_, err := fileWriterKind.Build(fmt.Appendf(nil, `{"path":%q}`, path), &nodes.Env{Root: root})
		if !nodes.IsPermanent(err) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v", path, err)
		}
	}
	full := (&target{path: "out/x"}).fault("write", &os.PathError{Op: "write", Path: "/r/out/.x", Err: syscall.ENOSPC})
	if nodes.IsPermanent(full) || !strings.Contains(full.Error(), "write out/x: the disk is full") {
		t.Errorf("got %v", full)
	}
}

func TestFlushAfterFault(t *testing.T) {
	dir := t.TempDir()
	root := openRoot(t, dir)
	w := build(t, root, `{"path":"d/f"}`)
	os.WriteFile(filepath.Join(dir, "d"), nil, 0o644)
	if err := write(t, w, "a"); err == nil {
		t.Fatal("a file stands in the way: got no error")
	}
	os.Remove(filepath.Join(dir, "d"))
	if err := write(t, w, "b"); err != nil {
		t.Fatal(err)
	}
	if err := w.Seal(context.Background()); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "d", "f")); string(b) != "a\nb\n" {
		t.Errorf("got %q", b)
	}
}

// What lies behind the checkpoint goes, even when less comes after it.
func TestRestoreCutsBack(t *testing.T) {
	for _, mode := range []string{"replace", "append", "fail"} {
		dir := t.TempDir()
		root := openRoot(t, dir)
		config := fmt.Sprintf(`{"path":"f","if_exists":%q}`, mode)
		w := build(t, root, config)
		if err := write(t, w, "kept"); err != nil {
			t.Fatal(err)
		}
		state := w.AppendSnapshot(nil)
		if err := write(t, w, "a long line that was not checkpointed"); err != nil {
			t.Fatal(err)
		}
		w.Close()
		w = build(t, root, config)
		if err := w.Restore(state); err != nil {
			t.Fatal(err)
		}
		if err := write(t, w, "short"); err != nil {
			t.Fatal(err)
		}
		if err := w.Seal(context.Background()); err != nil {
			t.Fatal(err)
		}
		if b, _ := os.ReadFile(filepath.Join(dir, "f")); string(b) != "kept\nshort\n" {
			t.Errorf("%s: got %q", mode, b)
		}
	}
}

// TestLateWriterHarmsNothing has a writer that read its checkpoint, was frozen, and writes
// on when another one has taken over and is ahead: both write the same, and nothing is lost.
func TestLateWriterHarmsNothing(t *testing.T) {
	for _, mode := range []string{"replace", "append", "fail"} {
		t.Run(mode, func(t *testing.T) {
			dir := t.TempDir()
			root := openRoot(t, dir)
			config := fmt.Sprintf(`{"path":"f","if_exists":%q}`, mode)
			first := build(t, root, config)
			if err := write(t, first, "a"); err != nil {
				t.Fatal(err)
			}
			checkpoint := first.AppendSnapshot(nil)
			late, next := build(t, root, config), build(t, root, config)
			for _, w := range []*fileWriter{late, next} {
				if err := w.Restore(checkpoint); err != nil {
					t.Fatal(err)
				}
			}
			if err := write(t, next, "b", "c"); err != nil {
				t.Fatal(err)
			}
			if err := write(t, late, "b"); err != nil {
				t.Fatal(err)
			}
			if err := write(t, next, "d"); err != nil {
				t.Fatal(err)
			}
			if err := next.Seal(context.Background()); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(dir, "f"))
			if err != nil || string(got) != "a\nb\nc\nd\n" {
				t.Errorf("got %q %v", got, err)
			}
		})
	}
}

// TestDiscard takes back what was not sealed, however often, and never what was.
func TestDiscard(t *testing.T) {
	ctx := context.Background()
	for _, mode := range []string{"replace", "append", "fail"} {
		for _, old := range []string{"old\n", "old", ""} {
			if mode == "fail" && old != "" {
				continue
			}
			dir := t.TempDir()
			name := filepath.Join(dir, "f")
			if old != "" {
				if err := os.WriteFile(name, []byte(old), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			root := openRoot(t, dir)
			config := fmt.Sprintf(`{"path":"f","if_exists":%q}`, mode)
			for range 2 { // before and after something was written
				for range 2 {
					if err := build(t, root, config).Discard(ctx); err != nil {
						t.Fatal(err)
					}
				}
				got, _ := os.ReadFile(name)
				if left, _ := os.ReadDir(dir); string(got) != old || len(left) != min(1, len(old)) {
					t.Errorf("%s of %q: got %q and the files %v", mode, old, got, left)
				}
				w := build(t, root, config)
				if err := write(t, w, "a", "b"); err != nil {
					t.Fatal(err)
				}
				w.Close()
			}
			w := build(t, root, config)
			if err := w.Restore([]byte{8}); err != nil { // four bytes are written
				t.Fatal(err)
			}
			if err := w.Seal(ctx); err != nil {
				t.Fatal(err)
			}
			if err := build(t, root, config).Discard(ctx); err != nil {
				t.Fatal(err)
			}
			want := "a\nb\n"
			if mode == "append" && old != "" {
				want = "old\n" + want
			}
			if got, _ := os.ReadFile(name); string(got) != want {
				t.Errorf("%s of %q: got %q after a seal, want %q", mode, old, got, want)
			}
		}
	}
}
