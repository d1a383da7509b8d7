package auth

import (
	"fmt"
	"slices"
	"strings"

	"sluice/coordinator"
)

// knownScopes returns scopes by name, each once. The fault of one that there is not lists those
// that there are.
func knownScopes(want []coordinator.Scope) ([]coordinator.Scope, error) {
	for _, s := range want {
		if all := Scopes(); !slices.Contains(all, s) {
			f := coordinator.Faultf(coordinator.Invalid, "scope %.40q: there is no such scope", string(s))
			f.Hint = "there are " + listed(all)
			return nil, f
		}
	}
	sorted := slices.Sorted(slices.Values(want))
	return slices.Compact(sorted), nil
}

// within refuses a principal that has scopes, and not that of a row. A row without one is open to
// none of them.
func within(p *coordinator.Principal, row *Permission) error {
	if len(p.Scopes) == 0 || row.Scope != "" && slices.Contains(p.Scopes, row.Scope) {
		return nil
	}
	f := coordinator.Faultf(coordinator.Forbidden, "this needs scope %s, which this key has not (operation %s)", row.Scope, row.Operation)
	f.Hint = "it has " + listed(p.Scopes)
	return f
}

// MayGive reports whether a principal may make a key with such scopes: with scopes of its own, it
// may give those and no others. The fault is coordinator.Forbidden.
func MayGive(p coordinator.Principal, scopes []coordinator.Scope) error {
	if len(p.Scopes) == 0 {
		return nil
	}
	what := "a key without scopes, which may do all that its role may,"
	if len(scopes) > 0 {
		i := slices.IndexFunc(scopes, func(s coordinator.Scope) bool { return !slices.Contains(p.Scopes, s) })
		if i < 0 {
			return nil
		}
		what = fmt.Sprintf("scope %.40q", string(scopes[i]))
	}
	f := coordinator.Faultf(coordinator.Forbidden, "%s can't be given by a key that has scopes, and not that one", what)
	f.Hint = "yours has " + listed(p.Scopes)
	return f
}

func listed(scopes []coordinator.Scope) string {
	words := make([]string, len(scopes))
	for i, s := range scopes {
		words[i] = string(s)
	}
	return strings.Join(words, ", ")
}
