package client

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice/coordinator"
	"sluice/recipe"
)

// TestEmptyPathPart asks with names that would make another path of it: nothing is asked.
func TestEmptyPathPart(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s %s was asked", r.Method, r.URL.Path) }))
	defer s.Close()
	c, err := New(Config{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for _, name := range []string{"", ".", ".."} {
		_, job := c.Job(ctx, recipe.JobID(name))
		_, order := c.Order(ctx, recipe.JobID(name), Cancel)
		_, worker := c.Worker(ctx, name)
		events := c.Events(ctx, recipe.JobID(name), 0, false, func(Event) error { return nil })
		_, letter := c.Letter(ctx, "one", name)
		_, del := c.DeleteRecipe(ctx, name, 0)
		for what, err := range map[string]error{"job": job, "order": order, "worker": worker, "events": events, "letter": letter, "recipe": del} {
			if coordinator.FamilyOf(err) != coordinator.Invalid || name == "" && !strings.Contains(err.Error(), "empty") || !strings.Contains(err.Error(), name) {
				t.Errorf("%s %q: got %v", what, name, err)
			}
		}
	}
}
