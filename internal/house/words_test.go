package house

import (
	"go/ast"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// names say what a thing is; these say nothing.
var (
	emptyFiles = []string{"util", "utils", "common", "helper", "helpers", "manager", "base", "impl", "misc", "types"}
	emptyWords = []string{"Util", "Utils", "Helper", "Helpers", "Manager", "Impl"}
)

// The words are put together here so that this file does not hold them.
var forbidden = []struct {
	word, why string
	allow     func(path string) bool
}{
	{"/" + "work/", "a path of somebody's machine", never},
	{".." + "/shared", "data outside the repository", inTest},
	{"TO" + "DO", "unfinished work belongs in an issue", never},
	{"FIX" + "ME", "unfinished work belongs in an issue", never},
}

func never(string) bool         { return false }
func inTest(path string) bool   { return strings.HasSuffix(path, "_test.go") }
func isBinary(text []byte) bool { return !utf8.Valid(text[:min(len(text), 4096)]) }

func TestForbiddenWords(t *testing.T) {
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	err = walk(root, func(rel string) error {
		if strings.Contains(rel, "/testdata/fuzz/") {
			return nil
		}
		text, err := os.ReadFile(filepath.Join(root, rel))
		if err != nil || isBinary(text) {
			return err
		}
		for i, line := range strings.Split(string(text), "\n") {
			for _, f := range forbidden {
				if strings.Contains(line, f.word) && !f.allow(rel) {
					t.Errorf("%s:%d: %q: %s", rel, i+1, f.word, f.why)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFileNames(t *testing.T) {
	for _, src := range sources(t) {
		stem := strings.TrimSuffix(strings.TrimSuffix(path.Base(src.Path), ".go"), "_test")
		for _, part := range append(strings.Split(src.Dir, "/"), stem) {
			if slices.Contains(emptyFiles, part) {
				t.Errorf("%s: %q names nothing", src.Path, part)
			}
		}
	}
}

func TestDeclaredNames(t *testing.T) {
	get := regexp.MustCompile(`^Get[A-Z]`)
	for _, src := range sources(t) {
		if src.Generated() {
			continue
		}
		for _, decl := range src.AST.Decls {
			for _, id := range declared(decl) {
				if get.MatchString(id.Name) && id.Name != "GetStatus" { // an interface of the API framework
					t.Errorf("%s: %s: no Get prefix", src.At(id), id.Name)
				}
				for _, word := range camelWords(id.Name) {
					if slices.Contains(emptyWords, word) && id.Name != "Helper" { // testing.TB's own
						t.Errorf("%s: %s: %q names nothing", src.At(id), id.Name, word)
					}
				}
			}
		}
	}
}

// TestErrorTexts checks the texts given to constructors of errors: lower case, no full
// stop, and not "failed to".
func TestErrorTexts(t *testing.T) {
	makers := []string{"Errorf", "Permanentf", "New"}
	for _, src := range sources(t) {
		if src.Test {
			continue
		}
		ast.Inspect(src.AST, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 || !slices.Contains(makers, calledName(call)) {
				return true
			}
			lit, ok := call.Args[0].(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(lit.Value)
			if err != nil || text == "" {
				return true
			}
			if strings.Contains(text, "failed to") {
				t.Errorf("%s: %q: say what was done, not that it failed", src.At(lit), text)
			}
			if first, _, _ := strings.Cut(text, " "); sentenceWord(first) {
				t.Errorf("%s: %q: errors begin in lower case", src.At(lit), text)
			}
			if strings.HasSuffix(text, ".") {
				t.Errorf("%s: %q: errors have no full stop", src.At(lit), text)
			}
			return true
		})
	}
}

// sentenceWord reports whether a text begins like a sentence; names such as TLS and AtEnd
// may stand first.
func sentenceWord(first string) bool {
	r := []rune(first)
	return len(r) > 1 && unicode.IsUpper(r[0]) && !slices.ContainsFunc(r[1:], unicode.IsUpper)
}

// declared returns the identifiers that a top-level declaration brings in.
func declared(decl ast.Decl) []*ast.Ident {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		return []*ast.Ident{d.Name}
	case *ast.GenDecl:
		var ids []*ast.Ident
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				ids = append(ids, s.Name)
			case *ast.ValueSpec:
				ids = append(ids, s.Names...)
			}
		}
		return ids
	}
	return nil
}

func calledName(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		return f.Sel.Name
	case *ast.Ident:
		return f.Name
	}
	return ""
}

// camelWords splits a name before each upper-case letter; every word begins upper-case.
func camelWords(name string) []string {
	var words []string
	start := 0
	for i, r := range name {
		if i > start && unicode.IsUpper(r) {
			words = append(words, upperFirst(name[start:i]))
			start = i
		}
	}
	return append(words, upperFirst(name[start:]))
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
