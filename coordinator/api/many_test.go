package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/recipe"
)

// TestManyNodes asks for all that compiles a recipe at the bound on nodes, one that is good and one
// that is wrong everywhere: what is told is bounded.
func TestManyNodes(t *testing.T) {
	d := newDesk(t, unlimited)
	var good, bad strings.Builder
	good.WriteString("nodes:\n  n0: {kind: integer_generator}\n")
	bad.WriteString("nodes:\n")
	for i := 1; i < 9_800; i++ {
		fmt.Fprintf(&good, "  n%d: {kind: rolling_sum, from: {node: n%d, capacity: 64}, config: {values_to_keep: 3}}\n", i, (i-1)/10)
		fmt.Fprintf(&bad, "  n%d: {kind: lookup, from: m%d, config: {a: b}}\n", i, i)
	}
	ask := func(method, path, source string) (int, string) {
		t.Helper()
		body, err := json.Marshal(coordinator.Document{Source: source})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		resp, text := d.do(method, path, string(body))
		t.Logf("%s %s of %d bytes: %d with %d bytes in %v", method, path, len(source), resp.StatusCode, len(text), time.Since(began))
		return resp.StatusCode, text
	}
	for path, method := range map[string]string{"/v1/recipes/check": "POST", "/v1/recipes/plan": "POST", "/v1/recipes/many": "PUT"} {
		if status, text := ask(method, path, good.String()); status/100 != 2 && status != 503 { // this machine may have much to do
			t.Errorf("%s: got %d %.200s", path, status, text)
		}
		status, text := ask(method, path, bad.String())
		var told struct{ Diagnostics recipe.Diagnostics }
		if err := json.Unmarshal([]byte(text), &told); err != nil {
			t.Fatal(err)
		}
		if n := len(told.Diagnostics); status != 503 && n != 200 {
			t.Errorf("%s: got %d with %d diagnostics, want the first 200", path, status, n)
		}
	}
}
