package flow

import (
	"cmp"
	"math"
	"math/big"
	"strconv"

	"sluice/nodes"
	"sluice/recipe"
)

// number is what top compares: exactly, whatever the sorts of two numbers are.
type number struct {
	i     int64
	f     float64
	whole bool       // it is i
	wide  *big.Float // it is a whole number that no 64 bits hold
}

// compare orders by value, what is no number before all others.
func (a number) compare(b number) int {
	switch {
	case a.whole && b.whole:
		return cmp.Compare(a.i, b.i)
	case a.isFloat() && b.isFloat(), a.isNaN(), b.isNaN():
		return cmp.Compare(a.nearest(), b.nearest())
	}
	return a.exact().Cmp(b.exact())
}

func (a number) isFloat() bool { return !a.whole && a.wide == nil }

func (a number) isNaN() bool { return a.isFloat() && math.IsNaN(a.f) }

// nearest is a float; only that of a float is compared.
func (a number) nearest() float64 {
	if a.isFloat() {
		return a.f
	}
	return 0
}

func (a number) exact() *big.Float {
	switch {
	case a.wide != nil:
		return a.wide
	case a.whole:
		return new(big.Float).SetInt64(a.i)
	}
	return new(big.Float).SetFloat64(a.f)
}

// maxDigits bounds a whole number; the largest float has 309.
const maxDigits = 400

// numberOf returns the number that a record is ranked by.
func (t *top) numberOf(r nodes.Record) (number, error) {
	switch {
	case t.by != nil && r.Type() == recipe.JSON:
		value := t.by.Value(r.Bytes())
		if value == nil {
			return number{}, nodes.Permanentf("the record has no field %s", t.by)
		}
		return parseNumber(t.by.String(), value)
	case r.Type() == recipe.Int:
		return number{i: r.Int(), whole: true}, nil
	case r.Type() == recipe.Float:
		return number{f: r.Float()}, nil
	case r.Type() == recipe.JSON:
		return parseNumber("the record", r.Bytes())
	}
	return number{}, nodes.Permanentf("the record is a %s; a number, or a json record with the field of the setting by, is wanted", r.Type())
}

func parseNumber(what string, text []byte) (number, error) {
	c := text[0]
	if c != '-' && (c < '0' || c > '9') {
		return number{}, nodes.Permanentf("%s is %.60s; a number is wanted", what, text)
	}
	if i, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return number{i: i, whole: true}, nil
	}
	if _, whole, _ := nodes.SkipJSONNumber(text, 0); whole && len(text) <= maxDigits {
		if wide, ok := new(big.Int).SetString(string(text), 10); ok {
			return number{wide: new(big.Float).SetInt(wide)}, nil
		}
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return number{}, nodes.Permanentf("%s is %.60s, which is too large to be compared", what, text)
	}
	return number{f: f}, nil
}
