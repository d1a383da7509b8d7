package math

import (
	"math"
	"math/bits"

	"sluice/nodes"
	"sluice/recipe"
)

// rolling keeps a window of numbers and its sum.
//
// Integers are summed in 128 bits, which a window can't pass. Floats are summed
// without ever subtracting, so that no error builds up: the ring is filled in rounds,
// and a window is the end of the last round (its sums are made once a round) and the
// start of this one.
type rolling struct {
	window
	float  bool
	sum    wide      // of integers
	ends   []float64 // ends[i] is the sum of ring[i:] of the last round
	start  float64   // of ring[:total%n], of this round
	answer func(c *nodes.Call, r *rolling, sum wide, fsum float64) error
}

func newRolling(n int, env *nodes.Env) rolling {
	r := rolling{window: newWindow(n)}
	if len(env.Types.In) > 0 && env.Types.In[0].Type == recipe.Float {
		r.float, r.ends = true, make([]float64, n+1)
	}
	return r
}

// Process implements nodes.Processor.
func (r *rolling) Process(c *nodes.Call, record nodes.Record) error {
	if r.float {
		return r.processFloat(c, record.Float())
	}
	v := record.Int()
	sum := r.intSum(v)
	if r.have+1 >= len(r.ring) {
		if err := r.answer(c, r, sum, 0); err != nil {
			return err // the value is not taken
		}
	}
	r.sum = sum
	r.push(uint64(v))
	return nil
}

func (r *rolling) intSum(v int64) wide {
	sum := r.sum.add(v)
	if _, old, full := r.slot(); full {
		sum = sum.sub(int64(old))
	}
	return sum
}

func (r *rolling) processFloat(c *nodes.Call, v float64) error {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nodes.Permanentf("%v is no finite number", v)
	}
	at, _, full := r.slot()
	r.turn(at)
	sum := r.start + v
	if full {
		sum += r.ends[at+1]
	}
	if math.IsInf(sum, 0) {
		return nodes.Permanentf("the sum of the last %d values passes 64 bit", min(r.have+1, len(r.ring)))
	}
	if r.have+1 >= len(r.ring) {
		if err := r.answer(c, r, wide{}, sum); err != nil {
			return err
		}
	}
	r.addFloat(v)
	return nil
}

// turn begins a round when the next value goes to the ring's first place. Doing it
// again changes nothing.
func (r *rolling) turn(at int) {
	if at != 0 {
		return
	}
	r.start = 0
	for i := len(r.ring) - 1; i >= 0; i-- {
		r.ends[i] = r.ends[i+1] + math.Float64frombits(r.ring[i])
	}
}

func (r *rolling) addFloat(v float64) {
	at, _, _ := r.slot()
	r.turn(at)
	r.start += v
	r.push(math.Float64bits(v))
}

// Restore implements nodes.Stateful.
func (r *rolling) Restore(snapshot []byte) error {
	r.clear()
	r.reset()
	if len(snapshot) == 0 {
		return nil
	}
	return r.Apply(snapshot)
}

func (r *rolling) reset() { r.sum, r.start = wide{}, 0; clear(r.ring) }

// Apply implements nodes.Stateful.
func (r *rolling) Apply(delta []byte) error {
	return r.apply(delta, r.reset, func(v uint64) {
		if r.float {
			r.addFloat(math.Float64frombits(v))
			return
		}
		r.sum = r.intSum(int64(v))
		r.push(v)
	})
}

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
