package main

import (
	"encoding/json"
	"testing"
)

// TestYAMLNumbers: numbers are printed with the digits that JSON has, and text stays text.
func TestYAMLNumbers(t *testing.T) {
	v := json.RawMessage(`{"a":21214645992,"b":[18446744073709551615,-7],"c":0.25,"d":"12","e":{"f":9007199254740993}}`)
	want := "a: 21214645992\nb:\n    - 18446744073709551615\n    - -7\nc: 0.25\nd: \"12\"\ne:\n    f: 9007199254740993\n"
	if got, err := asYAML(v); err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	for _, text := range []string{"1e+30", "2.1214645992e+10", "1e3", "-0"} {
		if got, err := asYAML(json.RawMessage(text)); err != nil || string(got) != text+"\n" {
			t.Errorf("%s: got %s, %v", text, got, err)
		}
	}
}
