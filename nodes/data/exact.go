package data

import (
	"fmt"
	"math"
	"reflect"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/vm/runtime"
)

// exactly are the functions of the language that would lose digits of a whole number or
// wrap around, each with what stands in its place. The limiter puts them in.
var exactly = map[string]signature{
	"abs":    absExactly,
	"int":    intExactly,
	"bitshl": shiftExactly,
	"ceil":   unlessWhole(builtin.Ceil),
	"floor":  unlessWhole(builtin.Floor),
	"round":  unlessWhole(builtin.Round),
}

func exactFunctions() []expr.Option {
	options := []expr.Option{expr.Function("_exact_sum", sumExactly)}
	for name, f := range exactly {
		options = append(options, expr.Function("_exact_"+name, f))
	}
	return options
}

func absExactly(params ...any) (any, error) {
	if x, ok := params[0].(int); ok && x == math.MinInt {
		return nil, errOverflow
	}
	return builtin.Abs(params[0]), nil
}

func intExactly(params ...any) (any, error) {
	if x, ok := params[0].(float64); ok && !(x >= math.MinInt64 && x < math.MaxInt64) { // the latter is rounded to 2^63
		return nil, errOverflow
	}
	return builtin.Int(params[0]), nil
}

func shiftExactly(params ...any) (any, error) {
	x, ok1 := params[0].(int)
	by, ok2 := params[1].(int)
	switch {
	case !ok1 || !ok2:
		return nil, fmt.Errorf("bitshl takes whole numbers, not %T and %T", params[0], params[1])
	case by < 0:
		return nil, fmt.Errorf("bitshl can't shift by %d", by)
	case x<<by>>by != x:
		return nil, errOverflow
	}
	return x << by, nil
}

// unlessWhole leaves a whole number as it is: as a float it might be another.
func unlessWhole(f func(any) any) signature {
	return func(params ...any) (any, error) {
		if x, ok := params[0].(int); ok {
			return x, nil
		}
		return f(params[0]), nil
	}
}

func sumExactly(params ...any) (any, error) {
	list := reflect.ValueOf(params[0])
	if list.Kind() != reflect.Slice && list.Kind() != reflect.Array {
		return nil, fmt.Errorf("sum takes a list, not %T", params[0])
	}
	var total any = 0
	for i := range list.Len() {
		v := list.Index(i).Interface()
		x, whole := total.(int)
		switch y := v.(type) {
		case int:
			if !whole {
				total = runtime.Add(total, y)
				continue
			}
			z, ok := addInts(x, y)
			if !ok {
				return nil, errOverflow
			}
			total = z
		case float64:
			total = runtime.Add(total, y)
		default:
			if err := noNumberText([]any{v}); err != nil {
				return nil, err
			}
			return nil, fmt.Errorf("sum takes numbers, not %T", v)
		}
	}
	return total, nil
}
