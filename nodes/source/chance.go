package source

import (
	"hash/fnv"
	"math/bits"

	"sluice/nodes"
)

// dice is the random sequence of one record: SplitMix64 (Steele, Lea, Flood 2014)
// started at a mix of the generator's seed and the record's number, so that any record
// can be made without those before it.
type dice uint64

func diceOf(seed, record uint64) dice {
	d := dice(record)
	return dice(seed ^ d.next())
}

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number from 0 to n-1, each as likely (Lemire 2019); n = 0 stands for
// 2^64.
func (d *dice) below(n uint64) uint64 {
	x := d.next()
	if n == 0 {
		return x
	}
	hi, lo := bits.Mul64(x, n)
	if lo < n {
		for bar := -n % n; lo < bar; {
			hi, lo = bits.Mul64(d.next(), n)
		}
	}
	return hi
}

// seedOf is the seed of a generator: its own setting, or one made of the job's seed
// and the node's name, so that two generators of a job differ.
func seedOf(own *uint64, env *nodes.Env) uint64 {
	if own != nil {
		return *own
	}
	h := fnv.New64a()
	h.Write([]byte(env.Node))
	d := diceOf(env.Seed, h.Sum64())
	return d.next()
}
