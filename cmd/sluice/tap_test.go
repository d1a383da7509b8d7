package main

import (
	"encoding/json"
	"strings"
	"testing"

	"sluice/coordinator"
	"sluice/recipe"
)

// TestTapPrinter prints the lines of a tap as run --tap does, and as results does.
func TestTapPrinter(t *testing.T) {
	one := []coordinator.TapPoint{{Name: "a", Type: recipe.String}}
	two := []coordinator.TapPoint{{Name: "box/a.out", Type: recipe.Bytes}, {Name: "box/b.out", Type: recipe.JSON}}
	gap := coordinator.TapGap{Frames: 2, Records: 30, Unknown: true}
	for name, c := range map[string]struct {
		start     []coordinator.TapPoint
		json      bool
		lines     []coordinator.TapLine
		out, errs string
	}{
		"text": {start: one, lines: []coordinator.TapLine{{Record: json.RawMessage(`"a \"b\""`)}, {Record: json.RawMessage(`{"base64":"/w=="}`)}, {Gap: &gap}}, out: "a \"b\"\n\xff\n"},
		"json": {start: one, json: true, lines: []coordinator.TapLine{{Record: json.RawMessage(`"a"`)}, {Record: json.RawMessage(`{"base64":"/w=="}`)}}, out: "\"a\"\n{\"base64\":\"/w==\"}\n"},
		"several": {start: two, lines: []coordinator.TapLine{{From: "box/a.out", Record: json.RawMessage(`"/w=="`)}, {From: "box/b.out", Record: json.RawMessage(`{"base64":"/w=="}`)},
			{From: "box/b.out", Record: json.RawMessage(`"text"`)}, {From: "box/b.out", Record: json.RawMessage(`null`)}},
			out: "box/a.out: \xff\nbox/b.out: {\"base64\":\"/w==\"}\nbox/b.out: text\nbox/b.out: null\n"},
		"several as json": {start: two, json: true, lines: []coordinator.TapLine{{From: "box/b.out", Record: json.RawMessage(`null`)}}, out: "{\"from\":\"box/b.out\",\"record\":null}\n"},
		"end":             {start: one, lines: []coordinator.TapLine{{End: &coordinator.TapEnd{Text: "over"}}}, errs: "over\n"},
		"left out": {start: one, lines: []coordinator.TapLine{{End: &coordinator.TapEnd{Text: "over", LeftOut: gap}}},
			errs: "over; left out: 30 records in 2 frames, and what passed while the coordinator was cut off from the store\n"},
	} {
		var out, errs strings.Builder
		p := tapPrinter{out: &out, err: &errs, json: c.json}
		for _, l := range append([]coordinator.TapLine{{Start: c.start}}, c.lines...) {
			wire, err := json.Marshal(l)
			var read coordinator.TapLine
			if err == nil {
				err = json.Unmarshal(wire, &read)
			}
			if err == nil {
				err = p.take(read)
			}
			if err != nil {
				t.Fatal(name, err)
			}
		}
		if out.String() != c.out || errs.String() != c.errs {
			t.Errorf("%s: got %q and %q, want %q and %q", name, out.String(), errs.String(), c.out, c.errs)
		}
	}
}
