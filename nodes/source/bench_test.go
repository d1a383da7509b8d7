package source

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"sluice/nodes"
	"sluice/recipe"
)

func BenchmarkFileReaderLines(b *testing.B) {
	dir := b.TempDir()
	line := []byte("Dec 10 06:55:46 LabSZ sshd[24200]: Failed password for invalid user webmaster from 173.234.31.186 port 38926 ssh2\n")
	os.WriteFile(filepath.Join(dir, "log"), bytes.Repeat(line, 50_000), 0o644)
	root, err := os.OpenRoot(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer root.Close()
	node, err := fileReaderKind.Build([]byte(`{"path":"log"}`), &nodes.Env{Root: root})
	if err != nil {
		b.Fatal(err)
	}
	src := node.(nodes.Source)
	splits, err := src.Splits(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	c := nodes.NewCall([]recipe.PortType{{Name: "out", Type: recipe.String}})
	b.ReportAllocs()
	b.SetBytes(int64(len(line)))
	var r nodes.Reader
	for i := range b.N {
		if i%50_000 == 0 {
			if r, err = src.Open(context.Background(), splits[0], 0); err != nil {
				b.Fatal(err)
			}
		}
		if i%256 == 0 {
			c.Begin(context.Background(), [2]uint64{})
		}
		if err := r.Read(c); err != nil && err != io.EOF {
			b.Fatal(err)
		}
	}
}
