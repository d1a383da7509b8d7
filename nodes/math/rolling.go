package math

import (
	"math"

	"sluice/nodes"
	"sluice/recipe"
)

// rolling keeps a window of numbers and its sum. In a column of records a window may
// hold both sorts: as long as all of it are integers, so is the answer.
//
// Integers are summed in 128 bits, which a window can't pass. Floats are summed
// without ever subtracting, so that no error builds up: the ring is filled in rounds,
// and a window is the end of the last round (its sums are made once a round) and the
// start of this one.
type rolling struct {
	window
	typ    recipe.Type // of the port: int, float or number
	ints   wide        // sum of the integers in the window
	count  int         // of the floats in the window
	ends   []float64   // ends[i] is the sum of the floats of ring[i:] of the last round; made with the first one
	start  float64     // of the floats of ring[:total%n], of this round
	answer func(c *nodes.Call, n int, sum total) error
}

// total is the sum of a window.
type total struct {
	ints   wide
	floats float64
	whole  bool // there are no floats
}

func (t total) float() float64 { return t.floats + t.ints.float() }

func newRolling(n int, env *nodes.Env) rolling {
	r := rolling{window: newWindow(n), typ: recipe.Int}
	if len(env.Types.In) > 0 {
		r.typ = env.Types.In[0].Type
	}
	if r.typ == recipe.Number {
		r.marks = make([]bool, n)
	}
	return r
}

// isFloat reports whether the value at a place of the ring is a float.
func (r *rolling) isFloat(at int) bool {
	return r.typ == recipe.Float || r.typ == recipe.Number && r.marks[at]
}

// Process implements nodes.Processor.
func (r *rolling) Process(c *nodes.Call, record nodes.Record) error {
	v, float := uint64(record.Int()), record.Type() == recipe.Float
	if float {
		x := record.Float()
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nodes.Permanentf("%v is no finite number", x)
		}
		v = math.Float64bits(x)
	}
	sum := r.take(v, float) // also where the answer fails, which is permanent: one sum is given up, not all that follow
	if r.have < len(r.ring) {
		return nil
	}
	if x := sum.float(); !sum.whole && (math.IsInf(x, 0) || math.IsNaN(x)) { // NaN: parts of it pass on both sides
		return passes(r.have)
	}
	return r.answer(c, r.have, sum)
}

func passes(n int) error {
	return nodes.Permanentf("the sum of the last %d values passes 64 bit", n)
}

// take puts v into the window, and returns the window's sum.
func (r *rolling) take(v uint64, float bool) (sum total) {
	at, old, full := r.slot()
	if full && r.isFloat(at) {
		r.count--
	} else if full {
		r.ints = r.ints.sub(int64(old))
	}
	if float && r.ends == nil {
		r.ends = make([]float64, len(r.ring)+1)
	}
	if r.ends != nil {
		r.turn(at)
		if sum.floats = r.start; full {
			sum.floats += r.ends[at+1]
		}
	}
	if float {
		r.count++
		r.start += math.Float64frombits(v)
		sum.floats += math.Float64frombits(v)
	} else {
		r.ints = r.ints.add(int64(v))
	}
	r.push(v, float)
	sum.ints, sum.whole = r.ints, r.count == 0
	return sum
}

// turn begins a round when the next value goes to the ring's first place.
func (r *rolling) turn(at int) {
	if at != 0 {
		return
	}
	r.start = 0
	for i := len(r.ring) - 1; i >= 0; i-- {
		if r.ends[i] = r.ends[i+1]; r.isFloat(i) {
			r.ends[i] += math.Float64frombits(r.ring[i])
		}
	}
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

func (r *rolling) reset() {
	r.ints, r.count, r.ends, r.start = wide{}, 0, nil, 0
	clear(r.ring)
	clear(r.marks)
}

// Apply implements nodes.Stateful.
func (r *rolling) Apply(delta []byte) error {
	return r.apply(delta, r.reset, func(v uint64, mark bool) { r.take(v, mark || r.typ == recipe.Float) })
}
