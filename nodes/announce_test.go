package nodes_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"sluice/nodes"
	"sluice/nodes/all"
)

// TestAnnouncedKindsAreTheSame takes every kind of the build over the wire: what is known of
// it then is what its own build knows.
func TestAnnouncedKindsAreTheSame(t *testing.T) {
	for _, k := range all.Catalogue().All() {
		said, err := k.Announce()
		if err != nil {
			t.Fatal(err)
		}
		got, err := nodes.Announced(said)
		if err != nil {
			t.Errorf("%s: %v", k.Kind, err)
			continue
		}
		if again, err := got.Announce(); err != nil || string(again) != string(said) {
			t.Errorf("%s: announced again it is\n%s\nwant\n%s (%v)", k.Kind, again, said, err)
		}
		if !reflect.DeepEqual(got.ConfigSchema(), k.ConfigSchema()) {
			t.Errorf("%s: got schema %v, want %v", k.Kind, got.ConfigSchema(), k.ConfigSchema())
		}
		for _, e := range k.Examples {
			config := jsonOf(t, e.Config)
			a, fa := k.CheckConfig(config)
			b, fb := got.CheckConfig(config)
			if string(a) != string(b) || len(fa) != len(fb) {
				t.Errorf("%s: settings %s: got %s %v, want %s %v", k.Kind, config, b, fb, a, fa)
			}
			if _, faults := got.CheckConfig(json.RawMessage(`{"no_such_setting": 1}`)); len(faults) == 0 {
				t.Errorf("%s: a setting that it does not have is taken", k.Kind)
			}
		}
		if _, err := got.Build(json.RawMessage("{}"), &nodes.Env{}); err == nil {
			t.Errorf("%s: an announced kind was built to run", k.Kind)
		}
	}
}

func jsonOf(t *testing.T, text string) json.RawMessage {
	t.Helper()
	v := map[string]any{}
	err := yaml.Unmarshal([]byte(text), &v)
	b, jerr := json.Marshal(v)
	if err != nil || jerr != nil {
		t.Fatal(err, jerr)
	}
	return b
}

// TestAnnouncedRefuses gives what no worker of this module would say.
func TestAnnouncedRefuses(t *testing.T) {
	good := `{"kind":"x","version":1,"in":[{"name":"in","type":"string"}],"out":[{"name":"out","type":"string"}],"settings":[%]}`
	for name, text := range map[string]string{
		"no JSON":        "x",
		"no name":        strings.Replace(good, `"x"`, `"X.*"`, 1),
		"no version":     strings.Replace(good, `:1`, `:0`, 1),
		"no ports":       `{"kind":"x","version":1}`,
		"another role":   strings.Replace(good, `"version"`, `"role":"king","version"`, 1),
		"source with in": strings.Replace(good, `"version"`, `"role":"source","version"`, 1),
		"type":           strings.Replace(good, "%", `{"name":"a","doc":"d","type":"list<chan>"}`, 1),
		"deep":           strings.Replace(good, "%", `{"name":"a","doc":"d","type":"`+strings.Repeat("list<", 50)+"int"+strings.Repeat(">", 50)+`"}`, 1),
		"twice":          strings.Replace(good, "%", `{"name":"a","doc":"d","type":"int"},{"name":"a","doc":"d","type":"int"}`, 1),
		"default":        strings.Replace(good, "%", `{"name":"a","doc":"d","type":"int","default":"x"}`, 1),
		"large":          strings.Replace(good, "%", strings.Repeat(" ", 1<<20), 1),
	} {
		if name != "no JSON" && name != "no ports" && !strings.Contains(name, "large") {
			text = strings.Replace(text, "%", "", 1)
		}
		if _, err := nodes.Announced([]byte(text)); err == nil {
			t.Errorf("%s: taken: %.200s", name, text)
		}
	}
	if k, err := nodes.Announced([]byte(strings.Replace(good, "%", `{"name":"a","doc":"say \"it\"","type":"int","default":"2","max":3}`, 1))); err != nil {
		t.Error(err)
	} else if c, faults := k.CheckConfig(nil); string(c) != `{"a":2}` || faults != nil {
		t.Errorf("got %s %v", c, faults)
	}
}
