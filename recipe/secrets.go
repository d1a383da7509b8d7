package recipe

import (
	"slices"
	"strings"
)

// SecretNames returns the names of the secrets whose values the job's records may hold,
// sorted: those that the settings of its steps name, and in a replay of dead letters those of
// the job that made them.
func (p *Plan) SecretNames() []string {
	names := slices.Clone(p.Secrets)
	for i := range p.Steps {
		rest := string(p.Steps[i].Config)
		for {
			_, after, found := strings.Cut(rest, "${secret:")
			name, after, closed := strings.Cut(after, "}")
			if !found || !closed {
				break
			}
			names, rest = append(names, name), after
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
