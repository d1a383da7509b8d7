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
		names = append(names, SecretsIn(string(p.Steps[i].Config))...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// SecretsIn returns the names of the secrets that a text has references to, in their order.
func SecretsIn(text string) (names []string) {
	for {
		_, after, found := strings.Cut(text, "${secret:")
		name, after, closed := strings.Cut(after, "}")
		if !found || !closed {
			return names
		}
		names, text = append(names, name), after
	}
}
