package daemon_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/bus/natsconf"
	"sluice/internal/daemon"
	"sluice/nodes/all"
)

// TestRoomOfAccount submits jobs where the account is bounded: one whose edges could hold more is
// refused, and so is one that reads an artifact which is not there.
func TestRoomOfAccount(t *testing.T) {
	server := bustest.Start(t, bus.ServerConfig{Accounts: []natsconf.Account{
		{Name: "a", Limits: natsconf.Limits{Store: 1 << 30}, Users: []natsconf.User{{Name: "u", Password: "p"}}}}})
	ctx := bustest.Context(t)
	c, err := daemon.NewCoordinator(ctx, daemon.CoordinatorConfig{Name: "c", Catalogue: all.Catalogue(),
		Projects: []daemon.Project{{Name: "default", Conn: bustest.Connect(t, server, bus.User("u", "p"))}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	keys, err := c.Keys("default")
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := keys.Create(ctx, coordinator.Key{Name: "ann", Role: coordinator.Author})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct {
		nodes string
		code  int
		says  string
	}{
		{`in: {kind: integer_generator, config: {count: 1}}\n  out: {kind: printer, from: {node: in, capacity: 30000}}`, http.StatusCreated, ""},
		{`in: {kind: integer_generator, config: {count: 1}}\n  out: {kind: printer, from: {node: in, capacity: 33000}}`, http.StatusTooManyRequests, "could hold 1031 MiB together (capacity × frame size), and the project may store 1024 MiB"},
		{`in: {kind: file_reader, config: {path: \"artifact:` + strings.Repeat("0", 64) + `/x\"}}\n  out: {kind: printer, from: in}`, http.StatusConflict, "0000, which is not there"},
	} {
		r := httptest.NewRequestWithContext(ctx, "POST", "/v1/jobs", strings.NewReader(`{"source":"recipe: a\nnodes:\n  `+one.nodes+`\n"}`))
		r.Header.Set("Authorization", "Bearer "+key)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		c.Handler().ServeHTTP(w, r)
		if w.Code != one.code || !strings.Contains(w.Body.String(), one.says) {
			t.Errorf("%s: got %d %s", one.nodes, w.Code, w.Body)
		}
	}
}
