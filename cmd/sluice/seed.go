package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/alecthomas/kong"
)

// seed is the value of --seed.
type seed uint64

// Decode implements kong.MapperValue. It takes -1 for a value that is wrong, rather than for
// another flag.
func (s *seed) Decode(c *kong.DecodeContext) error {
	token := c.Scan.Pop()
	if token.IsEOL() {
		return errors.New("a whole number is wanted")
	}
	n, err := strconv.ParseUint(token.String(), 0, 64)
	if err != nil {
		return fmt.Errorf("%s is no seed, which is a whole number from 0 to %d", token, uint64(math.MaxUint64))
	}
	*s = seed(n)
	return nil
}
