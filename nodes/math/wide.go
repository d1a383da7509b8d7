package math

import (
	"math"
	"math/bits"
)

// wide is a signed integer of 128 bits, in two's complement.
type wide struct{ hi, lo uint64 }

func (w wide) add(v int64) wide {
	lo, carry := bits.Add64(w.lo, uint64(v), 0)
	hi, _ := bits.Add64(w.hi, uint64(v>>63), carry)
	return wide{hi, lo}
}

func (w wide) sub(v int64) wide {
	lo, borrow := bits.Sub64(w.lo, uint64(v), 0)
	hi, _ := bits.Sub64(w.hi, uint64(v>>63), borrow)
	return wide{hi, lo}
}

// int64 returns the value, and whether it fits.
func (w wide) int64() (int64, bool) {
	v := int64(w.lo)
	return v, w.hi == uint64(v>>63)
}

// abs returns the magnitude and whether the value is negative.
func (w wide) abs() (hi, lo uint64, negative bool) {
	if int64(w.hi) >= 0 {
		return w.hi, w.lo, false
	}
	lo, borrow := bits.Sub64(0, w.lo, 0)
	hi, _ = bits.Sub64(0, w.hi, borrow)
	return hi, lo, true
}

// over divides by n, a window's size, toward zero. The mean of 64-bit values fits.
func (w wide) over(n int) int64 {
	hi, lo, negative := w.abs()
	q, _ := bits.Div64(hi, lo, uint64(n))
	if negative {
		return -int64(q)
	}
	return int64(q)
}

// float returns the nearest float, but for one rounding more.
func (w wide) float() float64 {
	hi, lo, negative := w.abs()
	x := math.Ldexp(float64(hi), 64) + float64(lo)
	if negative {
		return -x
	}
	return x
}
