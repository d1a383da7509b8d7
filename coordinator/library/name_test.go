package library

import (
	"path"
	"strings"
	"testing"
)

// FuzzRef: what is read as the name of a version is written the same, and a path that is taken
// stays in its folder and is never taken for a saved recipe.
func FuzzRef(f *testing.F) {
	for _, s := range []string{"a", "a@1", "a@latest", "a@01", "a-b_c@99999999999999999999", "./a.yaml", "../a", "a/../../b", "a@1/b.yaml", "/a", "", "a@", "@1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if ref, err := ParseRef(s); err == nil {
			if again, err := ParseRef(ref.String()); err != nil || again != ref {
				t.Errorf("%q is %s, which is %v, %v", s, ref, again, err)
			}
			if !saved(s) {
				t.Errorf("%q is a version, and taken for a file", s)
			}
		}
		if cleanPath(s) {
			if full := path.Join("/folder", s); !strings.HasPrefix(full, "/folder/") || strings.Contains(strings.Split(s, "/")[0], "@") {
				t.Errorf("%q leads out of its folder, or into another", s)
			}
		}
	})
}
