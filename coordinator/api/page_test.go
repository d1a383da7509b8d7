package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus/bustest"
)

// TestPages reads the lists of the small things one by one: they are those of the whole list, in
// its order, each once; and the client gets all.
func TestPages(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t, unlimited, withSecrets(t)), bustest.Context(t)
	admin := d.client(coordinator.Admin)
	for i := range 5 {
		if _, err := admin.SetSecret(ctx, fmt.Sprint("s", i), "a value"); err != nil {
			t.Fatal(err)
		}
		d.announce(fmt.Sprint("w", i))
		if _, _, err := admin.CreateKey(ctx, "key", coordinator.Viewer, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	bustest.Eventually(t, "the workers are known", func() bool {
		all, err := admin.Workers(ctx)
		return err == nil && len(all) == 5
	})
	for path, r := range map[string]struct {
		list, name string
		limit      int
	}{"/v1/secrets": {"secrets", "name", 2}, "/v1/workers": {"workers", "name", 1}, "/v1/keys": {"keys", "prefix", 2}, "/v1/kinds": {"kinds", "kind", 50}} {
		read := func(query string) (names []string, next string) {
			resp, body := d.do("GET", path+query, "", "Authorization", "Bearer "+d.keys[coordinator.Admin])
			var all map[string]json.RawMessage
			var items []map[string]any
			err := json.Unmarshal([]byte(body), &all)
			if err == nil {
				err = json.Unmarshal(all[r.list], &items)
			}
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("%s%s: got %d, %v, %.300s", path, query, resp.StatusCode, err, body)
			}
			if all["next"] != nil {
				err = json.Unmarshal(all["next"], &next)
			}
			for _, i := range items {
				names = append(names, i[r.name].(string))
			}
			if err != nil || len(names) == 0 {
				t.Fatalf("%s%s: got %v, %.300s", path, query, err, body)
			}
			return names, next
		}
		whole, none := read("")
		if none != "" || len(whole) < 5 {
			t.Errorf("%s: got %v and %q", path, whole, none)
		}
		var parts []string
		for next := ""; ; {
			var names []string
			if names, next = read(fmt.Sprintf("?limit=%d&after=%s", r.limit, next)); len(names) > r.limit {
				t.Errorf("%s: a page of %d", path, len(names))
			}
			if parts = append(parts, names...); next == "" || len(parts) > len(whole) {
				break
			}
		}
		if !slices.Equal(parts, whole) {
			t.Errorf("%s: the pages have\n%v, want\n%v", path, parts, whole)
		}
	}
	keys, err := admin.Keys(ctx)
	if err != nil || len(keys) != 5+len(coordinator.Roles) {
		t.Errorf("the client got %d keys, %v", len(keys), err)
	}
	secrets, err := admin.Secrets(ctx)
	if err != nil || len(secrets) != 5 {
		t.Errorf("the client got %v, %v", secrets, err)
	}
}
