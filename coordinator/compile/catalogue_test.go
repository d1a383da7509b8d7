package compile_test

import (
	"errors"
	"testing"

	"sluice/nodes"
	"sluice/nodes/all"
	"sluice/recipe"
)

// The kinds of these tests: ports and settings as the compiler may meet them. They do
// nothing; what kinds do is tested where they are.

type none struct{}

func inert[C any](C, *nodes.Env) (any, error) { return struct{}{}, nil }

func ports(types ...string) []nodes.Port {
	var list []nodes.Port
	for i := 0; i < len(types); i += 2 {
		list = append(list, nodes.Port{Name: types[i], Type: recipe.Type(types[i+1])})
	}
	return list
}

func kind[C any](name string, role nodes.Role, in, out []nodes.Port, more ...func(*nodes.Spec)) nodes.Kind {
	s := nodes.Spec{Kind: name, Category: "test", Summary: "Tests", Role: role, In: in, Out: out}
	for _, m := range more {
		m(&s)
	}
	return nodes.Define(s, inert[C])
}

type pathConfig struct {
	Path string `json:"path" doc:"which file" format:"path"`
}

type fieldConfig struct {
	Path string `json:"path" doc:"which field" optional:"true"`
}

type writerConfig struct {
	Path     string `json:"path" doc:"which file" format:"path"`
	IfExists string `json:"if_exists" doc:"what to do with a file of that name" default:"replace" enum:"replace|append"`
}

type windowConfig struct {
	Keep int `json:"values_to_keep" doc:"how many values" default:"2" min:"1" max:"1000"`
}

type regexConfig struct {
	Regex string `json:"regex" doc:"the pattern" format:"regex"`
}

type modeConfig struct {
	Wait nodes.Duration `json:"wait" doc:"how long" default:"1s"`

	Mode string `json:"mode" doc:"how" default:"soft" enum:"soft|hard"`
	Rate int    `json:"rate" doc:"how fast" default:"0"`
	Key  string `json:"key" doc:"a key" default:""`
}

func testKinds() []nodes.Kind {
	where := func(s *nodes.Spec) { s.Where = map[string]recipe.Type{"T": recipe.Number} }
	refuse := func(cfg modeConfig, _ *nodes.Env) (any, error) {
		if cfg.Mode == "hard" && cfg.Rate == 0 {
			return nil, errors.New("mode hard needs a rate")
		}
		if cfg.Key == "drawn" {
			return nil, errors.New("key: it is\n | drawn\n | ^")
		}
		return struct{}{}, nil
	}
	return []nodes.Kind{
		kind[pathConfig]("file_reader", nodes.Origin, nil, ports("out", "string")),
		kind[none]("integer_generator", nodes.Origin, nil, ports("out", "int")),
		kind[none]("string_generator", nodes.Origin, nil, ports("out", "string")),
		kind[none]("event_reader", nodes.Origin, nil, ports("out", "json")),
		kind[none]("idle", nodes.Stateless, []nodes.Port{{Name: "in", Type: "any", Optional: true}}, ports("out", "string")),
		kind[none]("mystery", nodes.Origin, nil, ports("out", "X")),
		kind[regexConfig]("regex_match", nodes.Stateless, ports("in", "string"), ports("out", "string")),
		kind[regexConfig]("regex_match_bool", nodes.Stateless, ports("in", "string"), ports("out", "bool")),
		kind[none]("md5_hash", nodes.Stateless, ports("in", "any"), ports("out", "string")),
		kind[none]("to_string", nodes.Stateless, ports("in", "any"), ports("out", "string")),
		kind[none]("parse_int", nodes.Stateless, ports("in", "string"), ports("out", "int")),
		kind[none]("parse_json", nodes.Stateless, ports("in", "string"), ports("out", "json")),
		kind[none]("pass", nodes.Stateless, ports("in", "T"), ports("out", "T")),
		kind[none]("gather", nodes.Stateless, ports("in", "T"), ports("out", "list<T>")),
		kind[none]("flatten", nodes.Stateless, ports("in", "list<T>"), ports("out", "T")),
		kind[none]("explode", nodes.Stateless, ports("in", "string"), ports("out", "string"), func(s *nodes.Spec) { s.Expands = true }),
		kind[none]("check", nodes.Stateless, ports("in", "T"), ports("out", "T", "else", "T")),
		kind[windowConfig]("and", nodes.Ordered, ports("in", "bool"), ports("out", "bool")),
		kind[none]("pairwise_product", nodes.Ordered, ports("in", "T"), ports("out", "T"), where),
		kind[windowConfig]("rolling_sum", nodes.Ordered, ports("in", "T"), ports("out", "T"), where),
		kind[fieldConfig]("tally", nodes.Ordered, []nodes.Port{{Name: "in", Type: recipe.Any, JSONWith: "path"}}, ports("out", "json")),
		kind[fieldConfig]("most", nodes.Ordered, []nodes.Port{{Name: "in", Type: "T", JSONWith: "path"}}, ports("out", "T"), where),
		kind[none]("zip", nodes.Ordered, ports("left", "A", "right", "B"), ports("out", "json")),
		nodes.Define(nodes.Spec{Kind: "shape", Role: nodes.Stateless, In: ports("in", "string"), Out: ports("out", "string")}, refuse),
		kind[writerConfig]("file_writer", nodes.Sink, ports("in", "any"), nil, func(s *nodes.Spec) {
			s.Exclusive, s.Replay = "path", map[string]any{"if_exists": "append"}
		}),
		kind[none]("stdin", nodes.Origin, nil, ports("out", "string"), func(s *nodes.Spec) { s.Exclusive = "stdin" }),
		kind[none]("printer", nodes.Sink, ports("in", "any"), nil),
	}
}

func catalogue(t testing.TB) *nodes.Catalogue {
	t.Helper()
	c, err := nodes.NewCatalogue(testKinds())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// mixed returns the catalogue of the build, with kinds that it lacks.
func mixed(t testing.TB, more []nodes.Kind) *nodes.Catalogue {
	t.Helper()
	var table []nodes.Kind
	for _, k := range all.Catalogue().All() {
		table = append(table, *k)
	}
	for _, k := range more {
		if _, have := all.Catalogue().Lookup(k.Kind); !have {
			table = append(table, k)
		}
	}
	c, err := nodes.NewCatalogue(table)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
