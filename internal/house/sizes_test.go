package house

import (
	"go/ast"
	"go/token"
	"testing"
)

const (
	maxFileLines = 400
	maxFuncLines = 60
)

// longFunctions may be longer, for the reason given: somebody looked hard at them.
var longFunctions = map[string]string{
	"nodes/data/functions.go functions": "a table of what expressions may call, one entry after the other",
}

func TestFileSizes(t *testing.T) {
	for _, src := range sources(t) {
		if !src.Generated() && src.Lines > maxFileLines {
			t.Errorf("%s has %d lines; a file has at most %d", src.Path, src.Lines, maxFileLines)
		}
	}
}

func TestFunctionSizes(t *testing.T) {
	for _, src := range sources(t) {
		if src.Test || src.Generated() {
			continue
		}
		for _, decl := range src.AST.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			lines := src.Fset.Position(f.End()).Line - src.Fset.Position(f.Pos()).Line + 1
			if lines > maxFuncLines && longFunctions[src.Path+" "+f.Name.Name] == "" {
				t.Errorf("%s: %s has %d lines; a function has at most %d", src.At(f), f.Name.Name, lines, maxFuncLines)
			}
		}
	}
}

func TestPackageComments(t *testing.T) {
	type state struct {
		first     string
		commented bool
	}
	packages := map[string]*state{}
	for _, src := range sources(t) {
		if src.Test {
			continue
		}
		p := packages[src.Dir]
		if p == nil {
			p = &state{first: src.Path}
			packages[src.Dir] = p
		}
		p.commented = p.commented || src.AST.Doc.Text() != ""
	}
	for dir, p := range packages {
		if !p.commented {
			t.Errorf("%s: package %s has no comment that says what it is for", p.first, dir)
		}
	}
}

func TestExportedNamesAreDocumented(t *testing.T) {
	for _, src := range sources(t) {
		if src.Test || src.Generated() {
			continue
		}
		for _, decl := range src.AST.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && receiverExported(d) && d.Doc.Text() == "" {
					t.Errorf("%s: %s has no comment", src.At(d), d.Name.Name)
				}
			case *ast.GenDecl:
				undocumented(t, src, d)
			}
		}
	}
}

func undocumented(t *testing.T, src *Source, d *ast.GenDecl) {
	t.Helper()
	if d.Tok != token.CONST && d.Tok != token.VAR && d.Tok != token.TYPE {
		return
	}
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && d.Doc.Text() == "" && s.Doc.Text() == "" {
				t.Errorf("%s: %s has no comment", src.At(s), s.Name.Name)
			}
		case *ast.ValueSpec:
			for _, id := range s.Names {
				if id.IsExported() && d.Doc.Text() == "" && s.Doc.Text() == "" && s.Comment.Text() == "" {
					t.Errorf("%s: %s has no comment", src.At(id), id.Name)
				}
			}
		}
	}
}

// receiverExported is false for methods of unexported types: nobody outside sees them.
func receiverExported(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := d.Recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.IndexListExpr:
			typ = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}
