package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"sluice/coordinator"
)

// Recipes returns a page of the saved recipes, by name. match is a part of the name or of the
// description, "" for all.
func (c *Client) Recipes(ctx context.Context, match, after string, limit int) (p coordinator.RecipePage, err error) {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	q := url.Values{}
	for name, value := range map[string]string{"match": match, "after": after} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	return p, c.do(ctx, call{method: http.MethodGet, path: "v1/recipes", query: q, out: &p})
}

// Recipe returns a version of a saved recipe, 0 for the latest.
func (c *Client) Recipe(ctx context.Context, name string, version int) (d coordinator.RecipeDocument, err error) {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	return d, c.do(ctx, call{method: http.MethodGet, path: "v1/recipes/" + url.PathEscape(name), query: versionQuery(version), out: &d})
}

func versionQuery(version int) url.Values {
	if version == 0 {
		return nil
	}
	return url.Values{"version": {strconv.Itoa(version)}}
}

// SaveRecipe saves a recipe as the next version of a name.
func (c *Client) SaveRecipe(ctx context.Context, name, source string, files map[string]string) (v coordinator.RecipeVersion, err error) {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	in := map[string]any{"source": source}
	if len(files) > 0 {
		in["files"] = files
	}
	return v, c.do(ctx, call{method: http.MethodPut, path: "v1/recipes/" + url.PathEscape(name), in: in, out: &v})
}

// CheckRecipe finds the faults of a recipe, whose parameters may be without values.
func (c *Client) CheckRecipe(ctx context.Context, d coordinator.Document) (found coordinator.Checked, err error) {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	return found, c.do(ctx, call{method: http.MethodPost, path: "v1/recipes/check", in: d, out: &found})
}

// PlanRecipe compiles a recipe. The fault of one with faults is coordinator.Refused.
func (c *Client) PlanRecipe(ctx context.Context, d coordinator.Document) (p coordinator.Planned, err error) {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	return p, c.do(ctx, call{method: http.MethodPost, path: "v1/recipes/plan", in: d, out: &p})
}

// RecipeVersions returns the versions of a saved recipe below the number before, 0 for all, the
// newest first; next is what before is for those that follow, 0 when there are none.
func (c *Client) RecipeVersions(ctx context.Context, name string, before int) (versions []coordinator.RecipeVersion, next int, err error) {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	var out struct {
		Versions []coordinator.RecipeVersion `json:"versions"`
		Next     int                         `json:"next"`
	}
	q := url.Values{}
	if before > 0 {
		q.Set("before", strconv.Itoa(before))
	}
	err = c.do(ctx, call{method: http.MethodGet, path: "v1/recipes/" + url.PathEscape(name) + "/versions", query: q, out: &out})
	return out.Versions, out.Next, err
}

// DiffRecipe compares two versions of a saved recipe.
func (c *Client) DiffRecipe(ctx context.Context, name string, from, to int) (d coordinator.RecipeDiff, err error) {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	q := url.Values{"from": {strconv.Itoa(from)}, "to": {strconv.Itoa(to)}}
	return d, c.do(ctx, call{method: http.MethodGet, path: "v1/recipes/" + url.PathEscape(name) + "/diff", query: q, out: &d})
}

// DeleteRecipe deletes a version of a saved recipe, 0 for all, and returns how many that were.
func (c *Client) DeleteRecipe(ctx context.Context, name string, version int) (int, error) {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	var out struct {
		Deleted int `json:"deleted"`
	}
	err := c.do(ctx, call{method: http.MethodDelete, path: "v1/recipes/" + url.PathEscape(name), query: versionQuery(version), out: &out})
	return out.Deleted, err
}

// ExportRecipes writes the saved recipes of these names, or all, as an archive.
func (c *Client) ExportRecipes(ctx context.Context, names []string, w io.Writer) error {
	ctx, cancel := within(ctx, time.Minute)
	defer cancel()
	return c.copy(ctx, call{method: http.MethodGet, path: "v1/recipes-archive", query: url.Values{"name": names}}, "the archive of recipes", w)
}

// Imported is what an import did, as NAME@VERSION.
type Imported struct {
	Added []string `json:"added,omitempty"`
	Same  []string `json:"same,omitempty"` // that were there already
}

// ImportRecipes brings in what was exported.
func (c *Client) ImportRecipes(ctx context.Context, archive io.Reader) (done Imported, err error) {
	ctx, cancel := within(ctx, time.Minute)
	defer cancel()
	return done, c.do(ctx, call{method: http.MethodPost, path: "v1/recipes-archive", body: archive, out: &done})
}
