package trial

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"sluice/nodes"
	"sluice/recipe"
)

var moodyKind = nodes.Define(nodes.Spec{
	Kind: "moody", Category: "flow", Summary: "Passes records, and does what some of them say", Role: nodes.Stateless,
	Doc: "`panic`, `permanent`, `plain`, `hang`: what it says. `fails N`: a plain error N times, then it passes. " +
		"`after N D`: asks N times to be tried again after D, then it passes.",
	In:  []nodes.Port{{Name: "in", Type: recipe.String, Doc: "anything"}},
	Out: []nodes.Port{{Name: "out", Type: recipe.String, Doc: "the same"}},
}, func(struct{}, *nodes.Env) (any, error) { return &moody{tries: map[string]int{}}, nil })

type moody struct{ tries map[string]int }

// Process implements nodes.Processor.
func (m *moody) Process(c *nodes.Call, r nodes.Record) error {
	text := r.Text()
	c.Emit(r) // what goes wrong below takes it back
	word := strings.Fields(text)
	switch {
	case text == "panic":
		panic("as it was told")
	case text == "permanent":
		return nodes.Permanentf("no good, as it was told")
	case text == "hang":
		<-c.Context().Done()
		return c.Context().Err()
	case text == "plain":
		return errors.New("not now, as it was told")
	case len(word) >= 2 && (word[0] == "fails" || word[0] == "after"):
		n, err := strconv.Atoi(word[1])
		if err != nil {
			return nodes.Permanent(err)
		}
		if m.tries[text]++; m.tries[text] > n {
			delete(m.tries, text)
			return nil
		}
		if word[0] == "fails" {
			return errors.New("not yet, as it was told")
		}
		d, err := time.ParseDuration(word[2])
		if err != nil {
			return nodes.Permanent(err)
		}
		return nodes.RetryAfter(d, errors.New("later, as it was told"))
	}
	return nil
}
