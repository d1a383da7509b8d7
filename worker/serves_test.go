package worker

import (
	"strings"
	"testing"

	"sluice/internal/bus"
	"sluice/nodes/all"
	"sluice/recipe"
)

// TestRecordsOfLaterBuilds reads the record of a job whose plan this build can't even decode:
// it is refused for its versions. One that is damaged is an error.
func TestRecordsOfLaterBuilds(t *testing.T) {
	w, err := New(Config{Conn: &bus.Conn{}, Catalogue: all.Catalogue(), Name: "w"})
	if err != nil {
		t.Fatal(err)
	}
	rec, err := readJob(&bus.Stored{Data: []byte(`{"job":"j","state":"running","generation":3,"frames":2,"plan":{"version":2,"steps":{"a":{}}}}`)})
	if err != nil || rec.Job != "j" || rec.Generation != 3 || rec.State != recipe.JobRunning {
		t.Fatalf("got %+v, %v", rec, err)
	}
	if why := w.refuses(&rec); !strings.Contains(why, "its plan has version 2 of the form, and this worker takes 1") {
		t.Errorf("got %q", why)
	}
	if _, err := readJob(&bus.Stored{Data: []byte(`{"job":"j","plan":{"version":1,"steps":{"a":{}}}}`)}); err == nil {
		t.Error("a damaged plan was taken")
	}
	for frames, want := range map[int]string{0: "", 1: "", 2: "its frames have version 2, and this worker takes 1"} {
		if got := w.refuses(&bus.JobRecord{Frames: frames, Plan: &recipe.Plan{Version: 1}}); got != want {
			t.Errorf("frames %d: got %q, want %q", frames, got, want)
		}
	}
}

// TestWhatIsServed goes through patterns and pools.
func TestWhatIsServed(t *testing.T) {
	step := func(kind, pool string, role recipe.Role) *recipe.Step {
		return &recipe.Step{Kind: kind, Pool: pool, Role: role}
	}
	for _, row := range []struct {
		kinds []string
		pool  string
		step  *recipe.Step
		want  bool
	}{
		{nil, "", step("md5_hash", "", recipe.RoleRelay), true},
		{nil, "", step("md5_hash", "gpu", recipe.RoleRelay), false},
		{nil, "gpu", step("md5_hash", "gpu", recipe.RoleRelay), true},
		{nil, "gpu", step("md5_hash", "", recipe.RoleRelay), true},
		{nil, "*", step("md5_hash", "gpu", recipe.RoleRelay), true},
		{[]string{"fetch_url", "regex_*"}, "", step("regex_match", "", recipe.RoleRelay), true},
		{[]string{"fetch_url", "regex_*"}, "", step("fetch_url", "", recipe.RoleSource), true},
		{[]string{"fetch_url", "regex_*"}, "", step("md5_hash", "", recipe.RoleRelay), false},
		{[]string{"fetch_url", "regex_*"}, "", step("gate", "", recipe.RoleGate), true},
		{[]string{"fetch_url", "regex_*"}, "", step("gate", "gpu", recipe.RoleGate), false},
	} {
		w, err := New(Config{Conn: &bus.Conn{}, Catalogue: all.Catalogue(), Name: "w", Kinds: row.kinds, Pool: row.pool})
		if err != nil {
			t.Fatal(err)
		}
		if got := w.serves(row.step); got != row.want {
			t.Errorf("kinds %q, pool %q: step %s of pool %q: got %v", row.kinds, row.pool, row.step.Kind, row.step.Pool, got)
		}
	}
}
