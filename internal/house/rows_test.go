package house

import (
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// rows are the rows of the list of checks about the cluster: each has a test that bears its name.
var rows = strings.Fields("B1 B2 B3 B4 B5 B6 B7 B8 B9 B10 H1 H2 H3 H4 N7 O1 O2 W1 W2 W3 W4 W5 W6 W7 W8 W9 W10")

// rowNames are the rows at the beginning of a test's name, as in TestB1B2BackPressure.
var rowNames = regexp.MustCompile(`^(?:Test)?((?:[A-Z][0-9]+)+)(?:[A-Z]|$)`)

var rowName = regexp.MustCompile(`[A-Z][0-9]+`)

func TestRowsHaveTests(t *testing.T) {
	found := map[string]int{}
	note := func(name string) {
		if m := rowNames.FindStringSubmatch(name); m != nil {
			for _, row := range rowName.FindAllString(m[1], -1) {
				found[row]++
			}
		}
	}
	for _, src := range sources(t) {
		if !src.Test {
			continue
		}
		ast.Inspect(src.AST, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if strings.HasPrefix(n.Name.Name, "Test") {
					note(n.Name.Name)
				}
			case *ast.BasicLit: // the name of a subtest
				if text, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil {
					note(text)
				}
			}
			return true
		})
	}
	for _, row := range rows {
		if found[row] == 0 {
			t.Errorf("row %s has no test that bears its name", row)
		}
	}
}
