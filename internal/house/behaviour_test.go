package house

import (
	"go/ast"
	"go/token"
	"slices"
	"testing"
)

// TestNoInit holds registration to explicit tables and start-up to main.
func TestNoInit(t *testing.T) {
	for _, src := range sources(t) {
		for _, decl := range src.AST.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: no init functions: list it in a table, or do it in main", src.At(f))
			}
		}
	}
}

// TestNoSleepInTests allows time.Sleep, and a bare <-time.After, only inside
// synctest.Test, where time is the test's own. bustest.Eventually is where tests poll.
func TestNoSleepInTests(t *testing.T) {
	for _, src := range sources(t) {
		if !src.Test && src.Dir != "internal/trial" {
			continue
		}
		choice := map[ast.Node]bool{} // cases of a select
		ast.Inspect(src.AST, func(n ast.Node) bool {
			if c, ok := n.(*ast.CommClause); ok {
				choice[c.Comm] = true
			}
			if s, ok := n.(*ast.ExprStmt); ok && !choice[s] {
				if from, ok := s.X.(*ast.UnaryExpr); ok && from.Op == token.ARROW {
					if call, ok := from.X.(*ast.CallExpr); ok && isCall(call, "time", "After") {
						t.Errorf("%s: <-time.After is a sleep", src.At(s))
					}
				}
			}
			call, ok := n.(*ast.CallExpr)
			switch {
			case !ok:
				return true
			case isCall(call, "synctest", "Test"):
				return false
			case isCall(call, "time", "Sleep"):
				t.Errorf("%s: tests wait for something that happens, they don't sleep", src.At(call))
			}
			return true
		})
	}
}

// TestEnvironmentIsReadByPrograms keeps os.Getenv out of packages that others import.
func TestEnvironmentIsReadByPrograms(t *testing.T) {
	starters := []string{"internal/house", "internal/trial", "internal/binary", "internal/figures", "internal/bus/bustest"} // tests' own
	for _, src := range sources(t) {
		if src.Test || src.AST.Name.Name == "main" || slices.Contains(starters, src.Dir) {
			continue
		}
		ast.Inspect(src.AST, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if ok && (isCall(call, "os", "Getenv") || isCall(call, "os", "LookupEnv") || isCall(call, "os", "Environ")) {
				t.Errorf("%s: the environment is read in cmd alone", src.At(call))
			}
			return true
		})
	}
}

func isCall(call *ast.CallExpr, pkg, name string) bool {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != name {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && x.Name == pkg
}
