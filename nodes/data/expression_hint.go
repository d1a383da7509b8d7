package data

import (
	"errors"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"

	"sluice/nodes"
	"sluice/recipe"
)

// exprHint says what was probably meant where an expression over records of type in is refused,
// "" when there is no telling.
func exprHint(err error, src string, in recipe.Type) string {
	at := (*file.Error)(nil)
	if !errors.As(err, &at) {
		return ""
	}
	if at.Message == `unexpected token Operator("=")` {
		return "values are compared by =="
	}
	if name, ok := strings.CutPrefix(at.Message, "unknown name "); ok {
		return nameHint(name, after(src, at.From, name), in)
	}
	if name, ok := strings.CutSuffix(at.Message, bare); ok {
		return fieldHint(name, in)
	}
	return ""
}

// after returns what follows a name that begins at a character of src.
func after(src string, from int, name string) string {
	chars := []rune(src)
	rest := string(chars[min(max(from, 0), len(chars)):])
	return strings.TrimSpace(strings.TrimPrefix(rest, name))
}

func nameHint(name, rest string, in recipe.Type) string {
	known := []string{"record"}
	called := strings.HasPrefix(rest, "(")
	if called {
		known = slices.DeleteFunc(slices.Clone(builtin.Names), func(f string) bool { return slices.Contains(absent, f) })
	}
	if near, ok := nodes.Nearest(name, known); ok {
		return "did you mean " + near + "?"
	}
	if called {
		return ""
	}
	return fieldHint(name, in)
}

// fieldHint is for a name that may be a field's, which is written behind the record's.
func fieldHint(name string, in recipe.Type) string {
	if in == recipe.JSON || in == recipe.Any {
		return "did you mean record." + name + "?"
	}
	return "the value is called record"
}

// bare is what is wrong with a function that is named and not called.
const bare = " is a function, and is not called"

// checkCalls refuses a function that stands for a value: it is equal to nothing. What can't be
// parsed is the compiler's to refuse.
func checkCalls(src string) error {
	tree, err := parser.Parse(src)
	if err != nil {
		return nil
	}
	f := bareFinder{}
	ast.Walk(&tree.Node, &f)
	if len(f.found) == 0 {
		return nil
	}
	return (&file.Error{Location: f.found[0].Location(), Message: f.found[0].Value + bare}).Bind(tree.Source)
}

// bareFinder gathers the functions that are named and not called.
type bareFinder struct{ found []*ast.IdentifierNode }

// Visit implements ast.Visitor. Parts come before what they are part of.
func (f *bareFinder) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		if _, ok := builtin.Index[n.Value]; ok {
			f.found = append(f.found, n)
		}
	case *ast.CallNode:
		f.found = slices.DeleteFunc(f.found, func(name *ast.IdentifierNode) bool { return n.Callee == ast.Node(name) })
	}
}
