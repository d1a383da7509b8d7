package nodes

import (
	"fmt"
	"slices"
	"strings"
)

// Catalogue is a set of kinds by name. It is immutable.
type Catalogue struct {
	kinds  map[string]*Kind
	sorted []*Kind
}

// NewCatalogue builds a catalogue from tables of kinds, and refuses two of one name.
func NewCatalogue(tables ...[]Kind) (*Catalogue, error) {
	c := &Catalogue{kinds: map[string]*Kind{}}
	for _, table := range tables {
		for i := range table {
			k := &table[i]
			if _, dup := c.kinds[k.Kind]; dup {
				return nil, fmt.Errorf("two kinds are named %s", k.Kind)
			}
			c.kinds[k.Kind] = k
			c.sorted = append(c.sorted, k)
		}
	}
	slices.SortFunc(c.sorted, func(a, b *Kind) int { return strings.Compare(a.Kind, b.Kind) })
	return c, nil
}

// Lookup returns the kind of that name.
func (c *Catalogue) Lookup(kind string) (*Kind, bool) {
	k, ok := c.kinds[kind]
	return k, ok
}

// All returns the kinds in the order of their names.
func (c *Catalogue) All() []*Kind { return c.sorted }

// Table returns the kinds as a table that another catalogue can be built from.
func (c *Catalogue) Table() []Kind {
	table := make([]Kind, len(c.sorted))
	for i, k := range c.sorted {
		table[i] = *k
	}
	return table
}

// With returns a catalogue that also has the given kinds, and refuses a name that is
// taken.
func (c *Catalogue) With(kinds ...Kind) (*Catalogue, error) { return NewCatalogue(c.Table(), kinds) }
