package library

import (
	"slices"

	"sluice/coordinator"
)

// MaxArtifacts bounds the artifacts that one version of a recipe names.
const MaxArtifacts = 64

// artifacts returns the digests of the artifacts that a recipe names, itself or in files beside
// it; too many are the fault coordinator.TooLarge. One that is put together from parameters is
// not seen.
func (d *document) artifacts(name string) ([]string, error) {
	all := coordinator.ArtifactsIn(d.Source)
	for _, text := range d.Files {
		all = append(all, coordinator.ArtifactsIn(text)...)
	}
	slices.Sort(all)
	if all = slices.Compact(all); len(all) > MaxArtifacts {
		return nil, coordinator.Faultf(coordinator.TooLarge, "the recipe %s names %d artifacts; a saved one may name %d", name, len(all), MaxArtifacts)
	}
	return all, nil
}

// Naming returns the saved recipe that names the artifact with that digest, as name@version, the
// first by name and the latest of its versions; "" when none does. It answers from memory.
func (l *Library) Naming(sha256 string) string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, name := range l.names {
		for _, e := range slices.Backward(l.known[name].Versions) {
			if !e.Gone && slices.Contains(e.Artifacts, sha256) {
				return Ref{name, e.Version}.String()
			}
		}
	}
	return ""
}
