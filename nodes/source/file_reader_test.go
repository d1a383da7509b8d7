package source

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"sluice/nodes"
	"sluice/recipe"
)

// read runs a file_reader over files and returns its records, the reasons of those
// given up, and the number of splits. Every split is opened again at every offset.
func read(t testing.TB, files map[string][]byte, config map[string]any) (got []string, dead []string, splits int, err error) {
	t.Helper()
	dir, err := os.MkdirTemp("", "source")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for name, content := range files {
		os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755)
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	return readRoot(t, root, config)
}

func readRoot(t testing.TB, root *os.Root, config map[string]any) (got []string, dead []string, splits int, err error) {
	t.Helper()
	raw, _ := json.Marshal(config)
	node, err := fileReaderKind.Build(raw, &nodes.Env{Root: root})
	if err != nil {
		return nil, nil, 0, err
	}
	src := node.(nodes.Source)
	pieces, err := src.Splits(context.Background())
	if err != nil {
		return nil, nil, 0, err
	}
	for _, p := range pieces {
		all, offsets, gone, err := drain(src, p, 0)
		if err != nil {
			return nil, nil, 0, err
		}
		for i := 0; i < len(offsets); i += max(1, len(offsets)/8) {
			rest, _, _, err := drain(src, p, offsets[i])
			if err != nil || strings.Join(rest, "\n") != strings.Join(all[i+1:], "\n") {
				t.Fatalf("opened again at %d: got %.200q %v, want %.200q", offsets[i], rest, err, all[i+1:])
			}
		}
		for _, a := range all {
			if strings.HasPrefix(a, "record ") {
				got = append(got, strings.TrimPrefix(a, "record "))
			}
		}
		dead = append(dead, gone...)
	}
	return got, dead, len(pieces), nil
}

func drain(src nodes.Source, p nodes.Split, offset int64) (all []string, offsets []int64, dead []string, err error) {
	r, err := src.Open(context.Background(), p, offset)
	if err != nil {
		return nil, nil, nil, err
	}
	defer r.Close()
	for {
		c := nodes.NewCall([]recipe.PortType{{Name: "out", Type: recipe.String}})
		if f, ok := r.(*fileReaderPiece); ok && f.format == formatJSONLines {
			c = nodes.NewCall([]recipe.PortType{{Name: "out", Type: recipe.JSON}})
		}
		err := r.Read(c)
		switch {
		case errors.Is(err, io.EOF):
			return all, offsets, dead, nil
		case nodes.IsPermanent(err):
			all, dead = append(all, "dead "+err.Error()), append(dead, err.Error())
		case err != nil:
			return nil, nil, nil, err
		default:
			cur := c.Out(0).Cursor()
			rec, _ := cur.Next()
			all = append(all, "record "+rec.Text())
		}
		offsets = append(offsets, r.Offset())
	}
}

// lines is the definition that the reader is held to.
func lines(text string) []string {
	if text == "" {
		return nil
	}
	parts := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, p := range parts {
		if i < len(parts)-1 || strings.HasSuffix(text, "\n") {
			parts[i] = strings.TrimSuffix(p, "\r")
		}
	}
	return parts
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func zstdded(b []byte) []byte {
	w, _ := zstd.NewWriter(nil)
	return w.EncodeAll(b, nil)
}

func zipped(members ...string) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i, m := range members {
		f, _ := w.Create(fmt.Sprintf("d/m%d", i))
		io.WriteString(f, m)
	}
	w.Create("empty/")
	w.Close()
	return out.Bytes()
}

func TestReadsLinesHoweverCut(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"a", "bc", "\n", "\r\n", "\r", "", "long line that goes on"})).Draw(rt, "text"), "")
		step := rapid.IntRange(1, 40).Draw(rt, "step")
		want := lines(text)
		for name, content := range map[string][]byte{"plain": []byte(text), "gzip": gzipped([]byte(text)), "zstd": zstdded([]byte(text)), "zip": zipped(text)} {
			got, dead, _, err := read(t, map[string][]byte{"f": content}, map[string]any{"path": "f", "split_bytes": step})
			if err != nil || len(dead) > 0 || strings.Join(got, "|") != strings.Join(want, "|") || len(got) != len(want) {
				rt.Fatalf("%s: got %q %v %v, want %q", name, got, dead, err, want)
			}
		}
	})
}

func TestReadsEveryMember(t *testing.T) {
	got, _, splits, err := read(t, map[string][]byte{"a.zip": zipped("1\n2", "", "3\n")}, map[string]any{"path": "*.zip"})
	if err != nil || strings.Join(got, "") != "123" || splits != 3 {
		t.Errorf("got %q in %d splits, %v", got, splits, err)
	}
	got, _, _, err = read(t, map[string][]byte{"a.gz": append(gzipped([]byte("1\n")), gzipped([]byte("2\n"))...)}, map[string]any{"path": "a.gz"})
	if err != nil || strings.Join(got, "") != "12" {
		t.Errorf("two gzip streams in one file: got %q %v", got, err)
	}
}

func TestBrokenArchives(t *testing.T) {
	var text strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&text, "line %d\n", i*i)
	}
	whole := gzipped([]byte(text.String()))
	damaged := bytes.Clone(whole)
	damaged[len(damaged)/2] ^= 0xff
	for name, c := range map[string]struct {
		content []byte
		reason  string
	}{
		"cut.gz": {whole[:len(whole)/2], "unexpected EOF"}, "damaged.gz": {damaged, "the rest of the file, from byte"},
		"cut.zst": {zstdded([]byte(text.String()))[:5000], "the rest of the file"}, "head.gz": {[]byte("\x1f\x8b\x08"), "from byte 0, is given up"},
		"head.zst": {[]byte("\x28\xb5\x2f\xfd"), "from byte 0, is given up"},
	} {
		got, dead, _, err := read(t, map[string][]byte{name: c.content}, map[string]any{"path": name})
		if err != nil || len(dead) != 1 || !strings.Contains(dead[0], c.reason) || !strings.HasPrefix(dead[0], name+": ") {
			t.Errorf("%s: got %d records, dead %q, %v", name, len(got), dead, err)
		}
		for i, line := range got {
			if line != fmt.Sprintf("line %d", i*i) {
				if i < len(got)-1 && name != "damaged.gz" {
					t.Errorf("%s: record %d is %q", name, i, line)
				}
				break
			}
		}
	}
	for _, path := range []string{"a.zip", "*.*"} {
		got, dead, _, err := read(t, map[string][]byte{"a.zip": zipped("1")[:60], "b.x": []byte("2")}, map[string]any{"path": path})
		if err != nil || len(dead) != 1 || !strings.HasPrefix(dead[0], "a.zip: the file is given up: zip: ") || strings.Join(got, "") != map[string]string{"*.*": "2"}[path] {
			t.Errorf("a cut archive: got %q, dead %q, %v", got, dead, err)
		}
	}
}

// zeros makes a gzip stream of n zero bytes in little memory.
func zeros(n int) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	io.CopyN(w, zeroReader{}, int64(n))
	w.Close()
	return out.Bytes()
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestBombs(t *testing.T) {
	bomb := zeros(200 << 20)
	_, dead, _, err := read(t, map[string][]byte{"b.gz": bomb}, map[string]any{"path": "b.gz"})
	if err != nil || len(dead) != 1 || !strings.Contains(dead[0], "over 1000 times its size") {
		t.Errorf("got %q %v", dead, err)
	}
	_, dead, _, err = read(t, map[string][]byte{"b.gz": gzipped([]byte("one\ntwo\nthree\n"))}, map[string]any{"path": "b.gz", "max_bytes": 9})
	if err != nil || len(dead) != 1 || !strings.Contains(dead[0], "more than max_bytes (9)") {
		t.Errorf("got %q %v", dead, err)
	}
}

func TestLineOf50MB(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 50<<20)
	text := append(append([]byte("first\n"), long...), "\nlast\n"...)
	for name, content := range map[string][]byte{"plain": text, "packed": gzipped(append([]byte(nil), text[:30<<20]...))} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		_, dead, _, err := read(t, map[string][]byte{name: content}, map[string]any{"path": name})
		runtime.ReadMemStats(&after)
		if err != nil || len(dead) != 1 || !strings.HasPrefix(dead[0], name+": the line at byte 6 has ") {
			t.Errorf("%s: got %q %v", name, dead, err)
		}
		if got := after.HeapSys - before.HeapSys; after.HeapSys > before.HeapSys && got > 160<<20 {
			t.Errorf("%s: took %d MiB", name, got>>20)
		}
	}
	edge := bytes.Repeat([]byte("y"), recipe.MaxRecord)
	got, dead, _, err := read(t, map[string][]byte{"edge": append(append(bytes.Clone(edge), "\r\n"...), append(edge, 'y')...)}, map[string]any{"path": "edge"})
	if err != nil || len(got) != 1 || len(got[0]) != recipe.MaxRecord || len(dead) != 1 {
		t.Errorf("at the bound: got %d records and %d dead, %v", len(got), len(dead), err)
	}
}

func TestConfinement(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("no"), 0o644); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "in"), []byte("yes"), 0o644)
	os.Mkdir(filepath.Join(dir, "sub"), 0o755)
	for name, to := range map[string]string{"link": outside, "dirlink": filepath.Dir(outside), "ok": "in"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Skip("no symbolic links here")
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for path, reason := range map[string]string{
		"../secret": "outside of the root", outside: "outside of the root", "sub/../../x": "outside of the root",
		"link": "out of the root, the folder " + dir + "; --root DIR", "dirlink/secret": "--root DIR", "dirlink/*": "no file matches", "sub": "folder", "gone": "no such file", "g*": "no file matches",
	} {
		_, _, _, err := readRoot(t, root, map[string]any{"path": path})
		if err == nil || !strings.Contains(err.Error(), reason) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want %q and the path", path, err, reason)
		}
	}
	for _, path := range []string{"ok", filepath.Join(dir, "in"), "./in", "sub/../in"} {
		if got, _, _, err := readRoot(t, root, map[string]any{"path": path}); err != nil || len(got) != 1 {
			t.Errorf("%s: got %q %v", path, got, err)
		}
	}
	if node, _ := fileReaderKind.Build([]byte(`{"path":"in"}`), &nodes.Env{}); node != nil {
		if _, err := node.(nodes.Source).Splits(context.Background()); err == nil || !strings.Contains(err.Error(), "no folder") {
			t.Errorf("without a root: got %v", err)
		}
	}
}

func TestFileThatShrinks(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	os.WriteFile(name, []byte("one\ntwo\nthree\n"), 0o644)
	root, _ := os.OpenRoot(dir)
	defer root.Close()
	node, _ := fileReaderKind.Build([]byte(`{"path":"f","split_bytes":8}`), &nodes.Env{Root: root})
	src := node.(nodes.Source)
	splits, err := src.Splits(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(name, []byte("one\n"), 0o644)
	if _, err := src.Open(context.Background(), splits[0], 0); err == nil || !strings.Contains(err.Error(), "f: it has 4 bytes and had at least 8 when") {
		t.Errorf("got %v", err)
	}
}

func FuzzFileReader(f *testing.F) {
	f.Add([]byte("a\r\n\nb"), 2, false)
	f.Add(gzipped([]byte("a\nb\n")), 1, true)
	f.Add(zstdded([]byte("{\"a\":1}\n")), 9, true)
	f.Add(zipped("a", "b\n"), 5, false)
	f.Fuzz(func(t *testing.T, content []byte, step int, json bool) {
		if len(content) > 4<<10 {
			return
		}
		config := map[string]any{"path": "f", "split_bytes": max(1+len(content)/64, step%(1<<20)), "max_bytes": 1 << 20}
		if json {
			config["format"] = "json_lines"
		}
		// read checks that every split gives the same rest at every offset.
		got, _, _, err := read(t, map[string][]byte{"f": content}, config)
		if err == nil && !json && detect(content) == packedPlain && strings.Join(got, "|") != strings.Join(lines(string(content)), "|") {
			t.Errorf("got %q, want %q", got, lines(string(content)))
		}
	})
}

// TestAnotherFileIsRefused: a job that goes on must not read the rest of its records in a
// file that was put in the place of the one it began with. One that has grown is read.
func TestAnotherFileIsRefused(t *testing.T) {
	ctx := context.Background()
	text := strings.Repeat("a line\n", 2000)
	other := "b" + text[1:]
	for name, pack := range map[string]func(string) []byte{
		"plain": func(s string) []byte { return []byte(s) }, "zip": func(s string) []byte { return zipped(s) },
		"gzip": func(s string) []byte { return gzipped([]byte(s)) }, "zstd": func(s string) []byte { return zstdded([]byte(s)) },
		"short": func(s string) []byte { return []byte(s[:21]) },
	} {
		file := filepath.Join(t.TempDir(), "f")
		put := func(content []byte) {
			if err := os.WriteFile(file, content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		root, err := os.OpenRoot(filepath.Dir(file))
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		node, err := fileReaderKind.Build([]byte(`{"path":"f","split_bytes":9000}`), &nodes.Env{Root: root})
		if err != nil {
			t.Fatal(err)
		}
		src := node.(nodes.Source)
		put(pack(text))
		splits, err := src.Splits(ctx)
		if err != nil {
			t.Fatal(err)
		}
		put(append(pack(text), pack(text)...))
		if _, _, _, err := drain(src, splits[0], 0); err != nil {
			t.Errorf("%s: has grown: %v", name, err)
		}
		put(append(pack(other), pack(other)...))
		for _, s := range splits {
			_, err := src.Open(ctx, s, 7)
			if !nodes.IsPermanent(err) || !strings.HasPrefix(err.Error(), "f") || !strings.Contains(err.Error(), ": it is not the file that this job began with: its first ") {
				t.Errorf("%s: another file: got %v", name, err)
			}
			var old map[string]any
			if err := json.Unmarshal(s, &old); err != nil {
				t.Fatal(err)
			}
			delete(old, "head")
			s, _ = json.Marshal(old)
			if r, err := src.Open(ctx, s, 7); err != nil {
				t.Errorf("%s: a split of an older version: got %v", name, err)
			} else {
				r.Close()
			}
		}
	}
}
