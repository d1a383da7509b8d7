package library

import (
	"context"
	"slices"
	"strings"

	"sluice/coordinator"
)

// Page bounds.
const (
	defaultPage = 100
	maxPage     = 1000
)

// Listing says which recipes are listed.
type Listing struct {
	Match string // a part of the name or of the description, in any case; "" for all
	After string // the cursor of the page before, "" for the first
	Limit int    // recipes on a page; 0 is 100, at most 1,000
}

func pageSize(n int) int {
	if n <= 0 {
		return defaultPage
	}
	return min(n, maxPage)
}

// List returns a page of the saved recipes, by name.
func (l *Library) List(f Listing) (coordinator.RecipePage, error) {
	page, limit := coordinator.RecipePage{Recipes: []coordinator.SavedRecipe{}}, pageSize(f.Limit)
	if f.After != "" && !Name.MatchString(f.After) {
		return page, coordinator.Faultf(coordinator.Invalid, "the cursor is not one of this list: %q", clip(f.After, MaxName))
	}
	match := strings.ToLower(f.Match)
	l.mu.RLock()
	defer l.mu.RUnlock()
	at, found := slices.BinarySearch(l.names, f.After)
	if found {
		at++
	}
	for _, name := range l.names[at:] {
		h := l.known[name]
		newest := h.latest()
		if match != "" && !strings.Contains(name, match) && !strings.Contains(strings.ToLower(newest.Description), match) {
			continue
		}
		if len(page.Recipes) == limit {
			page.Next = page.Recipes[limit-1].Name
			break
		}
		page.Recipes = append(page.Recipes, coordinator.SavedRecipe{Name: name, Latest: newest.RecipeVersion, Versions: h.count()})
	}
	return page, nil
}

// Versions returns versions of a recipe, the newest first: those below the number before, 0 for all,
// and at most limit of them, 0 for 100. next is what before is for those that follow, 0 when there
// are none.
func (l *Library) Versions(ctx context.Context, name string, before, limit int) (versions []coordinator.RecipeVersion, next int, err error) {
	if err := checkName(name); err != nil {
		return nil, 0, err
	}
	h, _, err := l.stored(ctx, name)
	if err != nil {
		return nil, 0, err
	}
	if h.latest() == nil {
		return nil, 0, l.near(name, coordinator.Faultf(coordinator.Unknown, "no recipe is saved as %s", clip(name, MaxName)))
	}
	versions, limit = []coordinator.RecipeVersion{}, pageSize(limit)
	for _, e := range slices.Backward(h.Versions) {
		if e.Gone || before > 0 && e.Version >= before {
			continue
		}
		if len(versions) == limit {
			return versions, versions[limit-1].Version, nil
		}
		versions = append(versions, e.RecipeVersion)
	}
	return versions, 0, nil
}

// Show reads a version whole: NAME, NAME@latest or NAME@VERSION.
func (l *Library) Show(ctx context.Context, ref string) (*coordinator.RecipeDocument, error) {
	s, e, err := l.version(ctx, ref)
	if err != nil {
		return nil, err
	}
	params, found := s.Params()
	if len(found) > 0 {
		return nil, refused("the recipe "+s.Label, found)
	}
	return &coordinator.RecipeDocument{Name: s.Name, RecipeVersion: e.RecipeVersion, Source: s.Text, Files: s.Files, Params: params}, nil
}
