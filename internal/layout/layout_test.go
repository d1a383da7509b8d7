package layout

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.in.*")
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Format(text)
			if err != nil {
				t.Fatal(err)
			}
			path := strings.Replace(file, ".in.", ".out.", 1)
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(want) {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

func TestRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":       "",
		"a list":        "- a\n- b\n",
		"two documents": "nodes: {}\n---\nnodes: {}\n",
		"no YAML":       "nodes: {a: [}\n",
	} {
		if got, err := Format([]byte(text)); err == nil {
			t.Errorf("%s: got %q, want an error", name, got)
		}
	}
}

// FuzzFormat checks that a formatted text says the same, and stays as it is when it is
// formatted again.
func FuzzFormat(f *testing.F) {
	files, err := filepath.Glob("testdata/*.in.*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("nodes:\n  a: {x: 'it''s', y: \"\\t\"} # why\n\n\n  # b\n  bb: {k: |\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		first, err := Format(text)
		if err != nil {
			return
		}
		if !reads(text) || !reads(first) {
			t.Fatalf("%q became %q, which is neither YAML nor JSON", text, first)
		}
		twice, err := Format(first)
		if err != nil || string(twice) != string(first) {
			t.Fatalf("%q became %q, and then %q (%v)", text, first, twice, err)
		}
	})
}

// reads reports whether a text is JSON, which may hold what YAML may not, or YAML.
func reads(text []byte) bool {
	return json.Valid(text) || yaml.Unmarshal(text, new(yaml.Node)) == nil
}
