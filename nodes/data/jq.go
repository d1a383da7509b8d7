package data

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/itchyny/gojq"
)

// compileQuery compiles a jq query so that what it makes is charged to a budget. gojq
// counts steps but not sizes: the places where a step can make much are rewritten to
// ask the budget first.
func compileQuery(src string, b *budget) (*gojq.Code, error) {
	query, err := gojq.Parse(src)
	if err != nil {
		return nil, fmt.Errorf("query is not a jq query: %w", err)
	}
	if err := guard(reflect.ValueOf(query), 0); err != nil {
		return nil, err
	}
	code, err := gojq.Compile(query,
		gojq.WithFunction("_sized", 0, 0, func(v any, _ []any) any { return orError(v, b.spend(shallow(v))) }),
		gojq.WithFunction("_spread", 0, 0, func(v any, _ []any) any { return orError(v, b.spend(deep(v, maxMade))) }),
		gojq.WithFunction("_factors", 2, 2, func(_ any, args []any) any { return factors(b, args[0], args[1]) }),
		gojq.WithFunction("_place", 0, 0, func(v any, _ []any) any { return orError(v, place(v)) }),
	)
	if err != nil {
		return nil, fmt.Errorf("query is not a jq query: %w", err)
	}
	return code, nil
}

func orError(v any, err error) any {
	if err != nil {
		return err
	}
	return v
}

// refused are the functions whose answer is not a function of the record.
var refused = map[string]bool{
	"now": true, "localtime": true, "strflocaltime": true, "input": true, "inputs": true, "debug": true, "stderr": true,
	"input_line_number": true, "input_filename": true, "$__prog_args": true, "get_search_list": true, "modulemeta": true,
}

// spreading are the functions that write out every part of a value.
var spreading = map[string]bool{"tojson": true, "tostring": true, "flatten": true, "add": true, "join": true}

// maxQueryNesting bounds the rewriting of a query.
const maxQueryNesting = 2000

// guard rewrites all parts of a query below v.
func guard(v reflect.Value, depth int) error {
	if depth > maxQueryNesting {
		return fmt.Errorf("query is nested too deep")
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		if err := guard(v.Elem(), depth+1); err != nil {
			return err
		}
		switch n := v.Interface().(type) {
		case *gojq.Query:
			guardOperator(n)
		case *gojq.Index:
			if n.Start != nil && !n.IsSlice && n.End == nil {
				n.Start = pipe(n.Start, call("_place"))
			}
		case *gojq.Term:
			return guardTerm(n)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if err := guard(v.Field(i), depth+1); err != nil {
				return err
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if err := guard(v.Index(i), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func guardTerm(t *gojq.Term) error {
	switch {
	case t.Func != nil && refused[t.Func.Name]:
		return fmt.Errorf("query uses %s, whose answer does not depend on the record alone", t.Func.Name)
	case t.Func != nil && t.Func.Name == "setpath" && len(t.Func.Args) == 2:
		t.Func.Args[0] = pipe(t.Func.Args[0], call("_place"))
	case t.Func != nil && spreading[t.Func.Name], t.Type == gojq.TermTypeFormat:
		// The term may carry suffixes, which stay with it.
		inner := *t
		*t = gojq.Term{Type: gojq.TermTypeQuery, Query: pipe(call("_spread"), &gojq.Query{Term: &inner})}
	}
	return nil
}

func guardOperator(q *gojq.Query) {
	switch q.Op {
	case gojq.OpAdd:
		inner := *q
		*q = *pipe(paren(&inner), call("_sized"))
	case gojq.OpMul:
		product := &gojq.Query{Left: element("0"), Op: gojq.OpMul, Right: element("1")}
		defs := q.FuncDefs
		*q = *pipe(call("_factors", q.Left, q.Right), pipe(product, call("_sized")))
		q.FuncDefs = defs
	case gojq.OpUpdateAdd, gojq.OpUpdateMul:
		// a += b is b as $x | a |= . + $x, for each b.
		op := gojq.OpAdd
		if q.Op == gojq.OpUpdateMul {
			op = gojq.OpMul
		}
		const name = "$__operand"
		change := &gojq.Query{Left: identity(), Op: op, Right: call(name)}
		guardOperator(change)
		update := &gojq.Query{Left: q.Left, Op: gojq.OpModify, Right: paren(change)}
		*q = gojq.Query{
			FuncDefs: q.FuncDefs, Left: paren(q.Right), Op: gojq.OpPipe, Right: update,
			Patterns: []*gojq.Pattern{{Name: name}},
		}
	}
}

func identity() *gojq.Query { return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeIdentity}} }

func element(n string) *gojq.Query {
	start := &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeNumber, Number: n}}
	return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeIndex, Index: &gojq.Index{Start: start}}}
}

func paren(q *gojq.Query) *gojq.Query {
	return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeQuery, Query: q}}
}

func call(name string, args ...*gojq.Query) *gojq.Query {
	return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: name, Args: args}}}
}

func pipe(left, right *gojq.Query) *gojq.Query {
	return &gojq.Query{Left: paren(left), Op: gojq.OpPipe, Right: right}
}

// shallow is what a value takes without what its elements take.
func shallow(v any) int {
	switch v := v.(type) {
	case string:
		return len(v)
	case []any:
		return 16 * len(v)
	case map[string]any:
		return 64 * len(v)
	}
	return 0
}

// deep is what a value takes when every part of it is written out; it stops at most.
func deep(v any, most int) int {
	n := shallow(v) + 1
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if n += deep(e, most-n); n > most {
				break
			}
		}
	case map[string]any:
		for k, e := range v {
			if n += len(k) + deep(e, most-n); n > most {
				break
			}
		}
	}
	return n
}

// factors charges a repetition of a string before it is made.
func factors(b *budget, l, r any) any {
	s, ok := l.(string)
	n := r
	if !ok {
		s, _ = r.(string)
		n = l
	}
	var times float64
	switch n := n.(type) {
	case int:
		times = float64(n)
	case float64:
		times = n
	case json.Number:
		times, _ = n.Float64()
	}
	if s != "" && times*float64(len(s)) > maxMade {
		return b.spend(maxMade + 1)
	}
	return []any{l, r}
}

// maxPlace is more elements than a record of 16 MiB can hold.
const maxPlace = 8 << 20

// place refuses an index, or a path with one, that would make a very long array.
func place(v any) error {
	switch v := v.(type) {
	case int:
		if v > maxPlace {
			return fmt.Errorf("the index %d is too large; it may be %d", v, maxPlace)
		}
	case float64:
		if v > maxPlace {
			return fmt.Errorf("the index %v is too large; it may be %d", v, maxPlace)
		}
	case json.Number:
		if x, _ := v.Float64(); x > maxPlace {
			return fmt.Errorf("the index %s is too large; it may be %d", v, maxPlace)
		}
	case []any:
		for _, e := range v {
			if err := place(e); err != nil {
				return err
			}
		}
	}
	return nil
}
