package house

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Module is the module's path, with which its own imports begin.
const Module = "sluice"

// Source is one Go file of the module.
type Source struct {
	Path  string // slash-separated, relative to the module's root
	Dir   string // of Path; "." for the root
	Test  bool   // a _test.go file
	Lines int
	AST   *ast.File
	Fset  *token.FileSet
}

// Imports returns the import paths of the file.
func (s *Source) Imports() []string {
	var paths []string
	for _, spec := range s.AST.Imports {
		if path, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, path)
		}
	}
	return paths
}

// At returns the place of a node as FILE:LINE.
func (s *Source) At(n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.Path, s.Fset.Position(n.Pos()).Line)
}

// Generated reports whether the file says that a program wrote it.
func (s *Source) Generated() bool { return ast.IsGenerated(s.AST) }

// Root returns the module's root: the nearest folder upwards that has a go.mod.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("no go.mod above the working directory")
		}
		dir = up
	}
}

// Read parses every Go file of the module below root.
func Read(root string) ([]*Source, error) {
	var all []*Source
	fset := token.NewFileSet()
	err := walk(root, func(rel string) error {
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		text, err := os.ReadFile(filepath.Join(root, rel))
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(fset, rel, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(rel))
		all = append(all, &Source{
			Path: rel, Dir: dir, Test: strings.HasSuffix(rel, "_test.go"),
			Lines: strings.Count(string(text), "\n"), AST: file, Fset: fset,
		})
		return nil
	})
	return all, err
}

// walk calls do with every file of the project below root, leaving out what is built,
// downloaded or the version control's.
func walk(root string, do func(rel string) error) error {
	skip := map[string]bool{".git": true, "bin": true, "out": true, ".work": true, "node_modules": true}
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		switch {
		case path == root:
			return nil
		case skip[d.Name()] && d.IsDir():
			return fs.SkipDir
		case d.IsDir(), skip[d.Name()], !d.Type().IsRegular():
			return nil
		}
		return do(filepath.ToSlash(rel))
	})
}
