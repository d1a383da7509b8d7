package nodes

import (
	"testing"

	"sluice/recipe"
)

func TestSpecFollowsWiresAndSettings(t *testing.T) {
	s := Spec{
		OrderedWith: "value",
		In:          []Port{{Name: "in"}}, Out: []Port{{Name: "out"}},
		By: map[string]TypeBy{"T": {Setting: "float", Types: map[string]recipe.Type{"true": recipe.Float}, Else: "N"}},
	}
	if s.RoleWith([]string{"in"}) != Stateless || s.RoleWith([]string{"in", "value"}) != Ordered {
		t.Error("the role does not follow the wired ports")
	}
	for config, want := range map[string]recipe.Type{`{"float":true}`: recipe.Float, `{"float":false}`: "N", `{}`: "N"} {
		if got := s.Bound([]byte(config))["T"]; got != want {
			t.Errorf("%s: got %s, want %s", config, got, want)
		}
	}
	if !s.Scalar() {
		t.Error("one port in and one out is scalar")
	}
	if s.AtEnd = true; s.Scalar() {
		t.Error("what answers at the end has no record to answer in")
	}
}
