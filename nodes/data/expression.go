package data

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"

	"sluice/nodes"
	"sluice/recipe"
)

// expression is a compiled expression over one record, bound to what it may spend. It
// serves one goroutine.
type expression struct {
	program *vm.Program
	machine vm.VM
	env     map[string]any
	bounds  bounds
	from    decoder
}

// Bounds of one expression on one record, beside those of the machine: a million
// elements made.
const (
	maxRounds   = 10_000_000 // of the predicates of map, filter and the like
	maxExprMade = 64 << 20
)

// bounds counts what an expression spends on the record in hand.
type bounds struct{ rounds, made int }

func (b *bounds) round() error {
	if b.rounds++; b.rounds > maxRounds {
		return errors.New("it takes more than ten million rounds")
	}
	return nil
}

func (b *bounds) spend(n int) error {
	if b.made += n; b.made > maxExprMade || n < 0 {
		return errors.New("it makes more than 64 MiB on the way")
	}
	return nil
}

// absent are functions of the language that are not there: the answer must depend on the record
// alone, and be bounded.
var absent = []string{"now", "flatten"}

// compileExpression compiles src for records of type in.
func compileExpression(src string, in recipe.Type, more ...expr.Option) (*expression, error) {
	e := &expression{env: map[string]any{"record": nil}, from: decoder{floats: true}}
	options := append([]expr.Option{
		expr.Env(types.Map{"record": exprType(in)}),
	}, more...)
	for _, name := range absent {
		options = append(options, expr.DisableBuiltin(name))
	}
	options = append(options, functions(&e.bounds)...)
	if err := checkCalls(src); err != nil {
		return nil, notExpression(err, src, in)
	}
	// The first compilation finds faults in the expression as it was written: the second
	// one puts functions in, which take anything.
	if _, err := expr.Compile(src, options...); err != nil {
		return nil, notExpression(err, src, in)
	}
	fields := &fieldFinder{fields: map[string]bool{}}
	program, err := expr.Compile(src, append(options, expr.Patch(fields), expr.Patch(&limiter{}))...)
	if err != nil {
		return nil, notExpression(err, src, in)
	}
	e.program = program
	if !fields.whole {
		e.from.fields = fields.fields
	}
	return e, nil
}

// notExpression says why an expression over records of type in is refused.
func notExpression(err error, src string, in recipe.Type) error {
	why := "expr is not an expression over record: " + placed(err)
	if hint := exprHint(err, src, in); hint != "" {
		why += "; " + hint
	}
	return errors.New(why)
}

// placed returns what an error of the language says is wrong, and where (line:column); what it
// draws below that takes lines of its own.
func placed(err error) string {
	if at := (*file.Error)(nil); errors.As(err, &at) && at.Snippet != "" {
		return strings.TrimSuffix(err.Error(), at.Snippet)
	}
	return err.Error()
}

func exprType(in recipe.Type) types.Type {
	switch in {
	case recipe.String, recipe.Bytes:
		return types.String
	case recipe.Int:
		return types.Int
	case recipe.Float:
		return types.Float
	case recipe.Bool:
		return types.Bool
	}
	return types.Any
}

// run returns the value of the expression for a record.
func (e *expression) run(r nodes.Record) (any, error) {
	value, err := e.valueOf(r)
	if err != nil {
		return nil, err
	}
	e.bounds = bounds{}
	e.env["record"] = value
	v, err := e.machine.Run(e.program, e.env)
	e.env["record"] = nil
	if err != nil {
		return nil, nodes.Permanentf("the expression: %s", placed(err))
	}
	return v, nil
}

func (e *expression) valueOf(r nodes.Record) (any, error) {
	switch r.Type() {
	case recipe.Bool:
		return r.Bool(), nil
	case recipe.Int:
		return int(r.Int()), nil
	case recipe.Float:
		return r.Float(), nil
	case recipe.String, recipe.Bytes:
		return string(r.Bytes()), nil
	}
	return e.from.decode(r.Bytes())
}

// fieldFinder notes which fields of the record an expression reads, so that the others
// need not be decoded.
type fieldFinder struct {
	fields map[string]bool
	whole  bool // the record is used as a whole somewhere
	named  int
}

// Visit implements ast.Visitor. Parts come before what they are part of.
func (f *fieldFinder) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		if n.Value == "record" {
			f.named++
			f.whole = true
		}
	case *ast.MemberNode:
		of, ok := n.Node.(*ast.IdentifierNode)
		if chain, chained := n.Node.(*ast.ChainNode); chained {
			of, ok = chain.Node.(*ast.IdentifierNode)
		}
		name, constant := n.Property.(*ast.StringNode)
		if ok && of.Value == "record" && constant {
			f.fields[name.Value] = true
			// Taken back: this mention was for the field alone.
			f.named--
		}
	}
	f.whole = f.named > 0
}

// limiter puts the bounds into an expression.
type limiter struct{}

// Visit implements ast.Visitor.
func (*limiter) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.PredicateNode:
		if c, ok := n.Node.(*ast.CallNode); !ok || calls(c) != "_round" {
			n.Node = callOf("_round", n.Node)
		}
	case *ast.BinaryNode:
		switch n.Operator {
		case "+":
			ast.Patch(node, callOf("_add", n.Left, n.Right))
		case "-":
			ast.Patch(node, callOf("_subtract", n.Left, n.Right))
		case "*":
			ast.Patch(node, callOf("_multiply", n.Left, n.Right))
		}
	case *ast.UnaryNode:
		if n.Operator == "-" {
			if _, literal := n.Node.(*ast.IntegerNode); !literal {
				ast.Patch(node, callOf("_subtract", &ast.IntegerNode{Value: 0}, n.Node))
			}
		}
	case *ast.BuiltinNode:
		switch {
		case n.Name == "concat":
			ast.Patch(node, callOf("_sized", &ast.BuiltinNode{Name: "concat", Arguments: n.Arguments}))
		case n.Name == "sum" && len(n.Arguments) == 2:
			ast.Patch(node, callOf("_exact_sum", &ast.BuiltinNode{Name: "map", Arguments: n.Arguments}))
		case exactly[n.Name] != nil || n.Name == "sum":
			ast.Patch(node, callOf("_exact_"+n.Name, n.Arguments...))
		}
	}
}

func callOf(name string, args ...ast.Node) *ast.CallNode {
	return &ast.CallNode{Callee: &ast.IdentifierNode{Value: name}, Arguments: args}
}

func calls(c *ast.CallNode) string {
	if id, ok := c.Callee.(*ast.IdentifierNode); ok {
		return id.Value
	}
	return ""
}

// sizeOf is shallow, for all sorts of values that expressions make.
func sizeOf(v any) int {
	switch v := v.(type) {
	case nil, bool, int, float64:
		return 0
	case string, []any, map[string]any:
		return shallow(v)
	case json.Number:
		return len(v)
	}
	if r := reflect.ValueOf(v); r.Kind() == reflect.Slice || r.Kind() == reflect.Map {
		return 16 * r.Len()
	}
	return 0
}
