package library

import (
	"slices"

	"sluice/coordinator"
	"sluice/recipe"
)

// secrets returns the names of the secrets that a recipe names, itself or in files beside it,
// sorted.
func (d *document) secrets() []string {
	all := recipe.SecretsIn(d.Source)
	for _, text := range d.Files {
		all = append(all, recipe.SecretsIn(text)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// NeedsSecret is the fault coordinator.Conflict where a job that has not ended, or the latest version
// of a saved recipe, names a secret. It answers from memory.
func (l *Library) NeedsSecret(name string) error {
	by := ""
	if id, found := l.cfg.Jobs.Needing(name); found {
		by = "job " + string(id) + ", which has not ended,"
	} else if ref := l.needing(name); ref != "" {
		by = "the recipe " + ref
	}
	if by == "" {
		return nil
	}
	f := coordinator.Faultf(coordinator.Conflict, "secret %s can't be deleted: %s names it", name, by)
	f.Hint = "force (--force on the command line) deletes it all the same; what needs it fails then"
	return f
}

// needing returns the saved recipe whose latest version names a secret, the first by name; "" when
// none does.
func (l *Library) needing(secret string) string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, name := range l.names {
		if e := l.known[name].latest(); slices.Contains(e.Secrets, secret) {
			return Ref{name, e.Version}.String()
		}
	}
	return ""
}
