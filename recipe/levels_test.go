package recipe

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLevelsFitGoodText: no line of a sound text is taken for a misfit, or a fault would
// be told at the wrong place.
func TestLevelsFitGoodText(t *testing.T) {
	texts := map[string]string{
		"inline": "a:\n- b: 1\n  c:\n  - - d\n    - e\n- f: >-\n    text\n      deeper\n  g: {h: [\n 1,\n   2], i: 3}\nj: &x\n  k: l\nm: \"quoted\n  over lines\"\nn: # note\n    o: p\n",
	}
	for _, dir := range []string{"../examples", "../cmd/sluice/templates"} {
		err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
			if err == nil && filepath.Ext(path) == ".yaml" {
				var text []byte
				text, err = os.ReadFile(path)
				texts[path] = string(text)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(texts) < 10 {
		t.Fatalf("got %d texts, want the examples", len(texts))
	}
	for name, text := range texts {
		var l levels
		for i, line := range strings.Split(text, "\n") {
			if _, fits := l.add(line); !fits {
				t.Errorf("%s:%d: %q does not fit", name, i+1, line)
			}
		}
	}
}
