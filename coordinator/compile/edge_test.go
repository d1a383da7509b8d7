package compile_test

import (
	"encoding/json"
	"strings"
	"testing"

	"sluice/coordinator/compile"
	"sluice/nodes/all"
	"sluice/recipe"
)

// TestCheckEdge joins ports of kinds one by one, as an editor does.
func TestCheckEdge(t *testing.T) {
	end := func(s string) compile.EdgeEnd {
		name, config, _ := strings.Cut(s, " ")
		name, port, _ := strings.Cut(name, ".")
		k, found := all.Catalogue().Lookup(name)
		if !found {
			t.Fatalf("no kind %s", name)
		}
		e := compile.EdgeEnd{Kind: k, Port: port}
		if config != "" {
			e.Config = json.RawMessage(config)
		}
		return e
	}
	for _, r := range []struct {
		from, to string
		legal    bool
		typ      recipe.Type
		says     string // in the reason, the hint, or the error
	}{
		{"file_reader", "md5_hash", true, recipe.String, ""},
		{"file_reader {\"format\":\"json_lines\"}", "regex_match", false, recipe.JSON, "put to_string between them"},
		{"parse_int", "rolling_sum", true, recipe.Int, ""},
		{"to_uppercase", "rolling_sum", false, recipe.String, "takes"},
		{"if", "md5_hash", true, "", ""},
		{"if.else", "and", true, "", ""},
		{"md5_hash.digest", "printer", false, "", "no output port digest"},
		{"file_writer", "printer", false, "", "has no output ports"},
		{"md5_hash", "file_reader", false, "", "has no input ports"},
		{"file_reader", "zip.left", true, recipe.String, ""},
	} {
		v, err := compile.CheckEdge(end(r.from), end(r.to))
		text := v.Why + " " + v.Hint
		if err != nil {
			text = err.Error()
		}
		if v.Legal != r.legal || v.Type != r.typ || !strings.Contains(text, r.says) {
			t.Errorf("%s to %s: got %+v, %v; want %v of %q and %q", r.from, r.to, v, err, r.legal, r.typ, r.says)
		}
	}
}
