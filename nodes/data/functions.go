package data

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm/runtime"
)

var errOverflow = errors.New("the result passes 64 bit")

// functions are what an expression may call beside the language's own: replacements of
// functions whose answer has no order or no bound, and what the limiter puts in.
func functions(b *bounds) []expr.Option {
	return slices.Concat(limiterFunctions(b), exactFunctions(), objectFunctions(), textFunctions(b))
}

type signature = func(params ...any) (any, error)

func limiterFunctions(b *bounds) []expr.Option {
	return []expr.Option{
		expr.Function("_add", arithmetic(b, addInts, runtime.Add)),
		expr.Function("_subtract", arithmetic(b, subtractInts, runtime.Subtract)),
		expr.Function("_multiply", arithmetic(b, multiplyInts, runtime.Multiply)),
		expr.Function("_round", func(params ...any) (any, error) { return params[0], b.round() }),
		expr.Function("_sized", func(params ...any) (any, error) { return params[0], b.spend(sizeOf(params[0])) }),
	}
}

// arithmetic makes a function that is exact on integers, or an error.
func arithmetic(b *bounds, ints func(x, y int) (int, bool), other func(x, y any) any) signature {
	return func(params ...any) (any, error) {
		x, ok1 := params[0].(int)
		y, ok2 := params[1].(int)
		if ok1 && ok2 {
			if z, ok := ints(x, y); ok {
				return z, nil
			}
			return nil, errOverflow
		}
		if err := noNumberText(params); err != nil {
			return nil, err
		}
		if err := b.spend(sizeOf(params[0]) + sizeOf(params[1])); err != nil {
			return nil, err
		}
		return other(params[0], params[1]), nil
	}
}

func objectFunctions() []expr.Option {
	return []expr.Option{
		expr.Function("keys", func(params ...any) (any, error) {
			_, names, err := sortedMap("keys", params[0])
			return anys(names), err
		}, new(func(any) []any)),
		expr.Function("values", func(params ...any) (any, error) {
			m, names, err := sortedMap("values", params[0])
			list := make([]any, len(names))
			for i, name := range names {
				list[i] = m[name]
			}
			return list, err
		}, new(func(any) []any)),
		expr.Function("toPairs", func(params ...any) (any, error) {
			m, names, err := sortedMap("toPairs", params[0])
			list := make([]any, len(names))
			for i, name := range names {
				list[i] = []any{name, m[name]}
			}
			return list, err
		}, new(func(any) []any)),
	}
}

func textFunctions(b *bounds) []expr.Option {
	return []expr.Option{
		expr.Function("fromJSON", func(params ...any) (any, error) {
			text := params[0].(string)
			if err := b.spend(len(text)); err != nil {
				return nil, err
			}
			return (&decoder{floats: true}).decode([]byte(text))
		}, new(func(string) any)),
		expr.Function("string", func(params ...any) (any, error) { return textOf(b, params[0], false) }, new(func(any) string)),
		expr.Function("toJSON", func(params ...any) (any, error) { return textOf(b, params[0], true) }, new(func(any) string)),
		expr.Function("replace", func(params ...any) (any, error) {
			s, from, to := params[0].(string), params[1].(string), params[2].(string)
			if err := b.spend(len(s) + strings.Count(s, from)*len(to)); err != nil {
				return "", err
			}
			return strings.ReplaceAll(s, from, to), nil
		}, new(func(string, string, string) string)),
		expr.Function("join", func(params ...any) (any, error) {
			sep := ""
			if len(params) > 1 {
				sep = params[1].(string)
			}
			return join(b, params[0], sep)
		}, new(func(any) string), new(func(any, string) string)),
	}
}

// noNumberText refuses arithmetic on numbers that no 64 bits hold: as a text they
// would be put together, not added.
func noNumberText(params []any) error {
	for _, p := range params {
		if n, ok := p.(json.Number); ok {
			return fmt.Errorf("the number %s does not fit 64 bit", n)
		}
	}
	return nil
}

func addInts(x, y int) (int, bool) {
	z := x + y
	return z, (z > x) == (y > 0)
}

func subtractInts(x, y int) (int, bool) {
	z := x - y
	return z, (z < x) == (y > 0)
}

func multiplyInts(x, y int) (int, bool) {
	hi, lo := bits.Mul64(magnitude(x), magnitude(y))
	if negative := (x < 0) != (y < 0); negative {
		return int(-lo), hi == 0 && lo <= 1<<63
	}
	return int(lo), hi == 0 && lo < 1<<63
}

func magnitude(x int) uint64 {
	if x < 0 {
		return -uint64(x)
	}
	return uint64(x)
}

func sortedMap(name string, v any) (map[string]any, []string, error) {
	m, ok := v.(map[string]any)
	if !ok {
		if reflect.ValueOf(v).Kind() != reflect.Map {
			return nil, nil, fmt.Errorf("%s takes an object, not %T", name, v)
		}
		var err error
		if m, err = objectOf(reflect.ValueOf(v)); err != nil {
			return nil, nil, err
		}
	}
	return m, slices.Sorted(maps.Keys(m)), nil
}

func anys(names []string) []any {
	list := make([]any, len(names))
	for i, name := range names {
		list[i] = name
	}
	return list
}

// textOf is the text form of a value: JSON, but for strings, unless asJSON is set.
func textOf(b *bounds, v any, asJSON bool) (string, error) {
	if s, ok := v.(string); ok && !asJSON {
		return s, nil
	}
	var e encoder
	text, err := e.encode(v)
	if err != nil {
		return "", err
	}
	return string(text), b.spend(len(text))
}

func join(b *bounds, list any, sep string) (string, error) {
	var parts []string
	switch list := list.(type) {
	case []string:
		parts = list
	case []any:
		for _, v := range list {
			s, ok := v.(string)
			if !ok {
				return "", fmt.Errorf("join takes strings, not %T", v)
			}
			parts = append(parts, s)
		}
	default:
		return "", fmt.Errorf("join takes a list of strings, not %T", list)
	}
	size := len(sep) * len(parts)
	for _, s := range parts {
		size += len(s)
	}
	if err := b.spend(size); err != nil {
		return "", err
	}
	return strings.Join(parts, sep), nil
}
