//go:build linux

package hostile

import (
	"archive/zip"
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/klauspost/compress/zstd"

	"sluice/internal/binary"
	"sluice/recipe"
)

const copyLines = `
recipe: copy
params: {path: {type: string, default: in.txt}, format: {type: string, default: lines}}
nodes:
  lines: {kind: file_reader, config: {path: "${path}", format: "${format}", split_bytes: 1000000}}
  out:   {kind: file_writer, from: lines, config: {path: out.txt}}
`

func TestLongLine(t *testing.T) {
	dir := t.TempDir()
	line := func(i int) string { return fmt.Sprintf("line %d of a file with a long one in its middle\n", i) }
	const half = 20_000
	var offset int
	fill(t, filepath.Join(dir, "in.txt"), func(w io.Writer) error {
		for i := range half {
			offset += len(line(i))
			io.WriteString(w, line(i))
		}
		repeat(w, "x", 50*mib)
		io.WriteString(w, "\n")
		for i := range half {
			io.WriteString(w, line(half+i))
		}
		return nil
	})
	r := run(t, dir, copyLines, want{}, "--data-dir", "data")
	if got := row(t, r, "lines"); got[1] != "40000" || got[4] != "1" {
		t.Errorf("out and dead are %s and %s, want 40000 and 1", got[1], got[4])
	}
	f, err := os.Open(filepath.Join(dir, "out.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for s := bufio.NewScanner(f); s.Scan(); n++ {
		if s.Text()+"\n" != line(n) {
			t.Fatalf("line %d is %q", n, s.Text())
		}
	}
	if n != 2*half {
		t.Errorf("%d lines arrived, want %d", n, 2*half)
	}
	dead := check(t, binary.Command{Dir: dir, Args: []string{"dead", "list", "--data-dir", "data"}}, want{})
	says(t, dead.Stdout, fmt.Sprintf("in.txt: the line at byte %d has %d bytes; a record may have %d", offset, 50*mib, recipe.MaxRecord))
}

func TestLargestRecord(t *testing.T) {
	dir := t.TempDir()
	fill(t, filepath.Join(dir, "in.txt"), func(w io.Writer) error {
		io.WriteString(w, "first\n")
		repeat(w, "a", recipe.MaxRecord)
		io.WriteString(w, "\nmiddle\n")
		repeat(w, "b", recipe.MaxRecord+1)
		io.WriteString(w, "\nlast\n")
		return nil
	})
	r := run(t, dir, copyLines, want{peak: 400})
	if got := row(t, r, "lines"); got[1] != "4" || got[4] != "1" {
		t.Errorf("out and dead are %s and %s, want 4 and 1", got[1], got[4])
	}
	if info, err := os.Stat(filepath.Join(dir, "out.txt")); err != nil || info.Size() != int64(len("first\nmiddle\nlast\n")+recipe.MaxRecord+1) {
		t.Errorf("out.txt has %v, %v", info.Size(), err)
	}
}

func TestBombs(t *testing.T) {
	t.Parallel()
	const size = 192 << 20
	zeros := func(w io.Writer) error { return repeat(w, "\x00", size) }
	pack := map[string]func(w io.Writer) error{
		"gzip": func(w io.Writer) error {
			z := gzip.NewWriter(w)
			if err := zeros(z); err != nil {
				return err
			}
			return z.Close()
		},
		"zip": func(w io.Writer) error {
			z := zip.NewWriter(w)
			for i := range 2 {
				f, err := z.Create(fmt.Sprintf("bomb%d.log", i))
				if err == nil {
					err = zeros(f)
				}
				if err != nil {
					return err
				}
			}
			return z.Close()
		},
		"zstd": func(w io.Writer) error {
			z, err := zstd.NewWriter(w, zstd.WithWindowSize(1<<20), zstd.WithEncoderConcurrency(1))
			if err != nil {
				return err
			}
			if err := zeros(z); err != nil {
				return err
			}
			return z.Close()
		},
	}
	for name, write := range pack {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			fill(t, filepath.Join(dir, "in.txt"), write)
			for _, format := range []string{"lines", "text", "json_lines"} {
				r := run(t, dir, copyLines, want{}, "--data-dir", format, "-p", "format="+format)
				dead := check(t, binary.Command{Dir: dir, Args: []string{"dead", "list", "--data-dir", format}}, want{})
				says(t, dead.Stdout, "in.txt", "from byte 0, is given up", "unpacks to over 1000 times its size")
				if got := row(t, r, "lines"); got[1] != "0" {
					t.Errorf("%s records came out, want none", got[1])
				}
			}
		})
	}
}

func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	for _, err := range []error{
		os.Mkdir(filepath.Join(dir, "folder"), 0o755),
		os.Symlink("nowhere", filepath.Join(dir, "dangling")),
		os.Symlink("circle", filepath.Join(dir, "circle")),
		syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o644),
		os.WriteFile(filepath.Join(dir, "closed"), []byte("secret\n"), 0o000),
		os.Symlink("/etc/passwd", filepath.Join(dir, "out_of_root")),
		os.Symlink("/proc/self/environ", filepath.Join(dir, "proc")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for path, says := range map[string]string{
		"none":                  "none: no such file",
		"no*.log":               "no file matches no*.log",
		"folder":                "folder: it is a folder",
		"dangling":              "dangling: no such file",
		"circle":                "circle: ",
		"fifo":                  "fifo: it is no regular file",
		"out_of_root":           "out_of_root: path escapes",
		"proc":                  "proc: path escapes",
		"../etc/passwd":         "../etc/passwd lies outside of the root",
		"a/../../x":             "a/../../x lies outside of the root",
		"/etc/passwd":           "/etc/passwd lies outside of the root",
		"folder/../../x/*":      "lies outside of the root",
		"[":                     "[: ",
		"/proc/self/root/etc/*": "lies outside of the root",
	} {
		t.Run(fmt.Sprintf("%q", path), func(t *testing.T) {
			run(t, dir, copyLines, want{code: 1, says: []string{"node lines", says}}, "-p", "path="+path)
		})
	}
	t.Run("found by a pattern", func(t *testing.T) { // the others are read
		put(t, dir, "flat.log", "line\n")
		run(t, dir, copyLines, want{}, "-p", "path=f*", "--data-dir", "data")
		dead := check(t, binary.Command{Dir: dir, Args: []string{"dead", "list", "--data-dir", "data"}}, want{})
		says(t, dead.Stdout, "fifo: the file is given up: it is no regular file")
		if got, err := os.ReadFile(filepath.Join(dir, "out.txt")); string(got) != "line\n" {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("closed", func(t *testing.T) {
		if os.Getuid() != 0 {
			run(t, dir, copyLines, want{code: 1, says: []string{"node lines", "closed: permission denied"}}, "-p", "path=closed")
			return
		}
		// Root reads everything, so the binary runs as nobody.
		put(t, dir, "r.yaml", copyLines)
		for p := dir; p != "/" && p != os.TempDir(); p = filepath.Dir(p) {
			if err := os.Chmod(p, 0o777); err != nil {
				t.Fatal(err)
			}
		}
		check(t, binary.Command{
			Dir: dir, Args: []string{"run", "r.yaml", "--progress", "none", "-p", "path=closed"},
			Attr: &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}},
		}, want{code: 1, says: []string{"node lines", "closed: permission denied"}})
	})
}

func TestUnwritable(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "in.txt", "a\n")
	put(t, dir, "file", "b\n")
	for _, err := range []error{
		os.Mkdir(filepath.Join(dir, "folder"), 0o755),
		os.Symlink("/tmp/sluice-hostile-target", filepath.Join(dir, "out_of_root")),
		os.Symlink("/tmp", filepath.Join(dir, "tmp")),
		syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	recipe := `
recipe: write
params: {path: {type: string}, if_exists: {type: string, default: replace}}
nodes:
  lines: {kind: file_reader, config: {path: in.txt}}
  out:   {kind: file_writer, from: lines, config: {path: "${path}", if_exists: "${if_exists}"}}
`
	for _, c := range []struct{ path, how, says string }{
		{"../x", "replace", "../x lies outside of the root"},
		{"/tmp/x", "replace", "/tmp/x lies outside of the root"},
		{"out_of_root", "append", "out_of_root: "},
		{"tmp/x", "replace", "tmp/x: "},
		{"folder", "replace", "folder"},
		{"file", "fail", "file exists, and if_exists is fail"},
		{"file/x", "replace", "file/x: "},
		{"fifo", "append", "fifo is no regular file"},
	} {
		t.Run(c.path, func(t *testing.T) {
			run(t, dir, recipe, want{code: 1, says: []string{"node out", c.says}}, "-p", "path="+c.path, "-p", "if_exists="+c.how)
		})
	}
	if _, err := os.Stat("/tmp/sluice-hostile-target"); err == nil {
		t.Error("a file was made outside of the root")
	}
}
