package library

import (
	"path"
	"regexp"
	"strconv"
	"strings"

	"sluice/coordinator"
)

// Name is what a saved recipe may be called; at most MaxName bytes.
var Name = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)

// MaxName is the length of the longest name.
const MaxName = 64

const latest = "latest"

func checkName(name string) error {
	if len(name) > MaxName || !Name.MatchString(name) {
		return coordinator.Faultf(coordinator.Invalid, "a recipe cannot be saved as %q: a name is made of a-z, 0-9, - and _, begins with a letter and has at most %d of them", clip(name, 2*MaxName), MaxName)
	}
	return nil
}

// Ref names a saved recipe. Version 0 is the latest.
type Ref struct {
	Name    string
	Version int
}

// String renders name@3, or name@latest.
func (r Ref) String() string {
	if r.Version == 0 {
		return r.Name + "@" + latest
	}
	return r.Name + "@" + strconv.Itoa(r.Version)
}

// ParseRef reads NAME, NAME@latest or NAME@VERSION.
func ParseRef(text string) (Ref, error) {
	name, version, has := strings.Cut(text, "@")
	ref := Ref{Name: name}
	if err := checkName(name); err != nil {
		return ref, coordinator.Faultf(coordinator.Invalid, "%q names no saved recipe: write NAME, NAME@VERSION or NAME@latest", clip(text, 2*MaxName))
	}
	if !has || version == latest {
		return ref, nil
	}
	n, err := strconv.Atoi(version)
	if err != nil || n < 1 || strconv.Itoa(n) != version {
		return ref, coordinator.Faultf(coordinator.Invalid, "%q is no version of the recipe %s: write a number from 1, or latest", clip(version, MaxName), name)
	}
	ref.Version = n
	return ref, nil
}

// saved reports whether a reference of a document means a saved recipe: it names no file.
func saved(ref string) bool {
	name, _, versioned := strings.Cut(ref, "@")
	return versioned && !strings.ContainsAny(ref, "/.") || Name.MatchString(name) && !versioned
}

// cleanPath reports whether a path is relative, goes nowhere but down, and is written in the
// shortest way. Its first part can't be taken for a saved recipe.
func cleanPath(p string) bool {
	first, _, _ := strings.Cut(p, "/")
	return p != "" && len(p) <= maxPath && path.Clean(p) == p && !path.IsAbs(p) && first != ".." && p != "." &&
		!strings.Contains(first, "@") && !strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == '\\' || r == 0x7f })
}

const maxPath = 256

// clip cuts a text off behind n bytes, at the beginning of a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
