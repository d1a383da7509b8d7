package nodes

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

type flavour string

type everyConfig struct {
	Path    string            `json:"path" doc:"a path" format:"path"`
	Regex   string            `json:"regex" doc:"a pattern" format:"regex" optional:"true"`
	Keep    int               `json:"values_to_keep" doc:"how many" min:"1" max:"100" default:"2"`
	Seed    *uint64           `json:"seed" doc:"a seed"`
	Rate    float64           `json:"rate" doc:"a rate" min:"0" max:"1" default:"0.5"`
	Wait    Duration          `json:"wait" doc:"a time" default:"250ms" max:"1h"`
	Flavour flavour           `json:"flavour" doc:"which" enum:"sweet|sour" default:"sweet"`
	Deep    bool              `json:"deep" doc:"how" default:"true"`
	Names   []string          `json:"names" doc:"some" max:"2" optional:"true"`
	Map     map[string]string `json:"map" doc:"more" optional:"true"`
	Any     any               `json:"any" doc:"whatever" optional:"true"`
}

func everyKind() *Kind {
	k := Define(Spec{Kind: "every"}, func(c everyConfig, _ *Env) (any, error) { return c, nil })
	return &k
}

func TestCheckConfigFillsIn(t *testing.T) {
	got, faults := everyKind().CheckConfig(json.RawMessage(`{"names":["<b>"],"path":"a/b","seed":18446744073709551615,"wait":"1h0m0s"}`))
	want := `{"path":"a/b","values_to_keep":2,"seed":18446744073709551615,"rate":0.5,"wait":"1h0m0s","flavour":"sweet","deep":true,"names":["<b>"]}`
	if string(got) != want || faults != nil {
		t.Errorf("got %s %v, want %s", got, faults, want)
	}
}

func TestCheckConfigFaults(t *testing.T) {
	for _, c := range []struct{ config, path, text, hint string }{
		{`{}`, "path", "the setting path is missing", "a path"},
		{`{"path":"x","values_to_kep":3}`, "values_to_kep", "every has no setting values_to_kep", "did you mean values_to_keep?"},
		{`{"path":"x","zzz":3}`, "zzz", "every has no setting zzz", "it has path, regex"},
		{`{"path":"x","path":"y"}`, "path", "given twice", ""},
		{`{"path":7}`, "path", "path wants a string, not a number", ""},
		{`{"path":null}`, "path", "path has no value; it wants a string", ""},
		{`{"path":""}`, "path", "must name a file", ""},
		{`{"path":"x","values_to_keep":0}`, "values_to_keep", "values_to_keep is 0; it must be at least 1", ""},
		{`{"path":"x","values_to_keep":101}`, "values_to_keep", "it must be at most 100", ""},
		{`{"path":"x","values_to_keep":2.5}`, "values_to_keep", "wants a whole number", ""},
		{`{"path":"x","values_to_keep":"2"}`, "values_to_keep", "wants a number, not a string", Unquote},
		{`{"path":"x","seed":-1}`, "seed", "whole number from 0", ""},
		{`{"path":"x","rate":1e999}`, "rate", "passes 64 bit", ""},
		{`{"path":"x","wait":"soon"}`, "wait", `must be a duration such as "250ms" or "1h30m", not "soon"`, ""},
		{`{"path":"x","wait":"2d"}`, "wait", `not "2d"`, "write 48h"},
		{`{"path":"x","wait":"-1s"}`, "wait", "negative", ""},
		{`{"path":"x","wait":"2h"}`, "wait", "wait is 7200 seconds; it must be at most 3600 seconds", ""},
		{`{"path":"x","flavour":"swet"}`, "flavour", `flavour is "swet"; it may be sweet, sour`, "did you mean sweet?"},
		{`{"path":"x","deep":"yes"}`, "deep", "wants true or false, not a string", ""},
		{`{"path":"x","names":["a",2]}`, "names[1]", "names[1] wants a string, not a number", ""},
		{`{"path":"x","names":["a","b","c"]}`, "names", "names is 3 elements long; it must be at most 2", ""},
		{`{"path":"x","map":{"k":1}}`, "map.k", "wants a string", ""},
		{`{"path":"x","regex":"a("}`, "regex", "is no regular expression: missing closing", ""},
		{`{"path":"x","regex":"(?<=a)b"}`, "regex", "which has no lookaround", ""},
		{`{"path":"x","regex":"a(?!b)"}`, "regex", "`(?!`; the syntax is that of RE2, which has no lookaround", ""},
		{`{"path":"x","regex":"(a)\\1"}`, "regex", "which has no back references", ""},
		{`{"path":"x","regex":"` + strings.Repeat("a", MaxPattern+1) + `"}`, "regex", "is a pattern of 65537 bytes; it may have 65536", ""},
		{`[1]`, "", "not a list", ""},
		{`{"path":`, "", "not valid JSON", ""},
	} {
		got, faults := everyKind().CheckConfig(json.RawMessage(c.config))
		if len(faults) != 1 || got != nil {
			t.Errorf("%.80s: got %d faults and %s, want one: %v", c.config, len(faults), got, faults)
			continue
		}
		if f := faults[0]; f.Path != c.path || !strings.Contains(f.Text, c.text) || !strings.Contains(f.Hint, c.hint) {
			t.Errorf("%.80s: got %+v, want %s: %s; %s", c.config, f, c.path, c.text, c.hint)
		}
	}
}

func TestCheckConfigTellsAll(t *testing.T) {
	_, faults := everyKind().CheckConfig(json.RawMessage(`{"a":1,"b":2,"rate":7}`))
	if len(faults) != 4 {
		t.Errorf("got %v, want 4 faults", faults)
	}
}

func TestCheckConfigLetsSecretsPass(t *testing.T) {
	got, faults := everyKind().CheckConfig(json.RawMessage(`{"path":"(${secret:p}","flavour":"${secret:f}"}`))
	if faults != nil || !strings.Contains(string(got), `"flavour":"${secret:f}"`) {
		t.Errorf("got %s %v", got, faults)
	}
	if _, faults = everyKind().CheckConfig(json.RawMessage(`{"path":"x","wait":"${secret:w}"}`)); len(faults) != 1 || !faults[0].Secret {
		t.Errorf("a duration from a secret: got %v", faults)
	}
	if _, faults = everyKind().CheckConfig(json.RawMessage(`{"path":"x","regex":"${secret:w}"}`)); len(faults) != 1 || !faults[0].Secret {
		t.Errorf("a program from a secret: got %v", faults)
	}
}

func TestBuildFillsTheStruct(t *testing.T) {
	got, err := everyKind().Build(json.RawMessage(`{"path":"p","seed":7,"map":{"a":"b"},"any":[1]}`), &Env{})
	if err != nil {
		t.Fatal(err)
	}
	c := got.(everyConfig)
	if c.Path != "p" || *c.Seed != 7 || c.Keep != 2 || c.Wait.Std() != 250*time.Millisecond || c.Flavour != "sweet" || !c.Deep || c.Map["a"] != "b" || c.Any == nil {
		t.Errorf("got %+v", c)
	}
	if _, err := everyKind().Build(json.RawMessage(`{"x":1}`), &Env{}); err == nil || !strings.Contains(err.Error(), "every: ") {
		t.Errorf("got %v", err)
	}
}

func TestCheckTags(t *testing.T) {
	for want, k := range map[string]Kind{
		"no doc tag": Define(Spec{}, func(struct {
			A int `json:"a"`
		}, *Env) (any, error) {
			return nil, nil
		}),
		"default: a is 0": Define(Spec{}, func(struct {
			A int `json:"a" doc:"a" min:"1" default:"0"`
		}, *Env) (any, error) {
			return nil, nil
		}),
		"no name": Define(Spec{}, func(struct {
			A int `doc:"a"`
		}, *Env) (any, error) {
			return nil, nil
		}),
		"unknown format": Define(Spec{}, func(struct {
			A string `json:"a" doc:"a" format:"regx"`
		}, *Env) (any, error) {
			return nil, nil
		}),
		"Go type": Define(Spec{}, func(struct {
			A chan int `json:"a" doc:"a"`
		}, *Env) (any, error) {
			return nil, nil
		}),
	} {
		if err := k.CheckTags(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if err := everyKind().CheckTags(); err != nil {
		t.Error(err)
	}
}

func TestConfigSchema(t *testing.T) {
	b, err := json.Marshal(everyKind().ConfigSchema())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"required":["path"]`, `"additionalProperties":false`,
		`"values_to_keep":{"anyOf":[{"maximum":100,"minimum":1,"type":"integer"},{"pattern":"\\$\\{","type":"string"}],"default":2,"description":"how many"}`,
		`"enum":["sweet","sour"]`, `"items":{"type":"string"},"maxItems":2`,
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("got %s, want %s in it", b, want)
		}
	}
}

func TestNearest(t *testing.T) {
	kinds := []string{"md5_hash", "sha1_hash", "filter", "if", "or", "file_reader"}
	for name, want := range map[string]string{
		"md5hash": "md5_hash", "MD5-Hash": "md5_hash", "fitler": "filter", "flie_raeder": "file_reader",
		"fi": "if", "zebra": "", "": "", "sha1_hsah": "sha1_hash",
	} {
		if got, _ := Nearest(name, kinds); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func FuzzCheckConfig(f *testing.F) {
	f.Add([]byte(`{"path":"x","wait":"1s","names":["a"],"map":{"a":"b"},"any":{"x":[1e5]}}`))
	f.Add([]byte(`{"path":`))
	k := everyKind()
	f.Fuzz(func(t *testing.T, config []byte) {
		canonical, faults := k.CheckConfig(config)
		if faults != nil {
			return
		}
		again, faults := k.CheckConfig(canonical)
		if faults != nil || string(again) != string(canonical) {
			t.Errorf("%s: canonical %s became %s (%v)", config, canonical, again, faults)
		}
	})
}
