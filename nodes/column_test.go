package nodes

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/recipe"
)

func TestField(t *testing.T) {
	for _, c := range []struct{ doc, field, value, set string }{
		{`{"a":1,"b":"x"}`, "b", `"x"`, `{"a":1,"b":0}`},
		{`{"a":1}`, "b", "", `{"a":1,"b":0}`},
		{`{}`, "b", "", `{"b":0}`},
		{`{ "a" : 1 }`, "b", "", `{ "a" : 1,"b":0}`},
		{`{"a":{"b":[1,{"c":2}]}}`, "a.b.1.c", "2", `{"a":{"b":[1,{"c":0}]}}`},
		{`{"id.orig_h":"::1","id":{"orig_h":"no"}}`, "id.orig_h", `"::1"`, `{"id.orig_h":0,"id":{"orig_h":"no"}}`},
		{`{"id":{"orig_h":"yes"}}`, "id.orig_h", `"yes"`, `{"id":{"orig_h":0}}`},
		{`{"a.b":{"c":5}}`, `a\.b.c`, "5", `{"a.b":{"c":0}}`},
		{`{"@timestamp":1,"#attributes":2,"a*":3,"a|b":4,"x?":5}`, "@timestamp", "1", `{"@timestamp":0,"#attributes":2,"a*":3,"a|b":4,"x?":5}`},
		{`{"@timestamp":1,"#attributes":2}`, "#attributes", "2", `{"@timestamp":1,"#attributes":0}`},
		{`{"ab":1,"a*":3}`, "a*", "3", `{"ab":1,"a*":0}`},
		{`{"a|b":4}`, "a|b", "4", `{"a|b":0}`},
		{`{"x":1}`, "x?", "", `{"x":1,"x?":0}`},
		{`{"a":1}`, "@pretty", "", `{"a":1,"@pretty":0}`},
		{`{"x":{}}`, "x.@type", "", `{"x":{"@type":0}}`},
		{`{"x":{}}`, "x.y.z", "", `{"x":{"y":{"z":0}}}`},
		{`{"Event":{"EventData":{"Image":"C:\\x"}}}`, "Event.EventData.Image", `"C:\\x"`, `{"Event":{"EventData":{"Image":0}}}`},
	} {
		f, err := ParseField(c.field)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Value([]byte(c.doc)); string(got) != c.value {
			t.Errorf("%s in %s: got %s, want %s", c.field, c.doc, got, c.value)
		}
		if got, err := f.AppendWith(nil, []byte(c.doc), []byte("0")); string(got) != c.set || err != nil {
			t.Errorf("%s set in %s: got %s %v, want %s", c.field, c.doc, got, err, c.set)
		}
	}
	for _, bad := range []string{"", ".a", "a.", "a..b"} {
		if _, err := ParseField(bad); err == nil {
			t.Errorf("%q: got no error", bad)
		}
	}
}

func TestFieldOfAnyName(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringN(1, 12, 40).Filter(func(s string) bool { return !strings.ContainsAny(s, `.\`) && s[0] != '~' }).Draw(t, "name")
		quoted, _ := json.Marshal(name)
		f, err := ParseField(name)
		if err != nil {
			t.Fatal(err)
		}
		doc := fmt.Appendf(nil, `{"~before":[1],%s:"value","~after":{}}`, AppendQuoted(nil, []byte(name)))
		if !strings.Contains(string(quoted), `\`) {
			if got := f.Value(doc); string(got) != `"value"` {
				t.Fatalf("%q in %s: got %s", name, doc, got)
			}
		}
		set, err := f.AppendWith(nil, []byte(`{"~a":1}`), []byte("2"))
		var back map[string]int
		if err != nil || json.Unmarshal(set, &back) != nil || back[name] != 2 || back["~a"] != 1 {
			t.Fatalf("%q: got %s %v", name, set, err)
		}
	})
}

// upper answers twice, not at all or once, so that all three can be seen.
type upper struct{}

func (upper) Process(c *Call, r Record) error {
	switch s := r.Text(); s {
	case "twice":
		c.Emit(TextRecord("A"))
		c.Emit(TextRecord("B"))
	case "never":
	case "same":
		c.Emit(r)
	default:
		c.Emit(TextRecord(strings.ToUpper(s)))
	}
	return nil
}

func columnOf(t *testing.T, p Processor, in, out recipe.Type, field, into string) func(doc string) (string, error) {
	t.Helper()
	col, err := Column(p, field, into, in, out)
	if err != nil {
		t.Fatal(err)
	}
	return func(doc string) (string, error) {
		c := NewCall([]recipe.PortType{{Name: "out", Type: recipe.JSON}})
		c.Begin(context.Background(), [2]uint64{})
		if err := col.Process(c, JSONRecord([]byte(doc))); err != nil {
			return "", err
		}
		var lines []string
		cur := c.Out(0).Cursor()
		for r, ok := cur.Next(); ok; r, ok = cur.Next() {
			lines = append(lines, r.Text())
		}
		return strings.Join(lines, " "), c.Err()
	}
}

func TestColumn(t *testing.T) {
	beside := columnOf(t, upper{}, recipe.String, recipe.String, "user.name", "name")
	inPlace := columnOf(t, upper{}, recipe.String, recipe.String, "a", "")
	for _, c := range []struct {
		run             func(string) (string, error)
		doc, want, fail string
	}{
		{beside, `{"user":{"name":"eve \u00e9"},"z":1}`, `{"user":{"name":"eve \u00e9"},"z":1,"name":"EVE É"}`, ""},
		{beside, `{"user":{"name":"same"}}`, `{"user":{"name":"same"},"name":"same"}`, ""},
		{beside, `{"user":{}}`, "", "no field user.name"},
		{beside, `[1]`, "", "no field user.name"},
		{inPlace, `{"a":"twice","b":2}`, `{"a":"A","b":2} {"a":"B","b":2}`, ""},
		{inPlace, `{"a":"never","b":2}`, ``, ""},
		{inPlace, `{"a": "same" ,"b":2}`, `{"a": "same" ,"b":2}`, ""},
		{inPlace, `{"a":7}`, "", "the field a is a number; a string is wanted"},
		{inPlace, `{"a":null}`, "", "the field a is null; a string is wanted"},
		{inPlace, `{"a":{}}`, "", "the field a is an object; a string is wanted"},
	} {
		got, err := c.run(c.doc)
		if c.fail != "" {
			if !IsPermanent(err) || !strings.Contains(err.Error(), c.fail) {
				t.Errorf("%s: got %v, want %s", c.doc, err, c.fail)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%s: got %s %v, want %s", c.doc, got, err, c.want)
		}
	}
}

type echo struct{}

func (echo) Process(c *Call, r Record) error { c.Emit(r); return nil }

func TestColumnTypes(t *testing.T) {
	for _, c := range []struct {
		typ             recipe.Type
		value, out, bad string
	}{
		{recipe.Int, "9223372036854775807", "9223372036854775807", "1.5"},
		{recipe.Float, "1.50", "1.5", `"1"`},
		{recipe.Bool, "true", "true", "1"},
		{recipe.Bytes, `"aGk="`, `"aGk="`, `"!"`},
		{recipe.JSON, `[1]`, `[1]`, ""},
	} {
		run := columnOf(t, echo{}, c.typ, c.typ, "a", "b")
		if got, err := run(`{"a":` + c.value + `}`); got != `{"a":`+c.value+`,"b":`+c.out+`}` {
			t.Errorf("%s: got %s %v", c.typ, got, err)
		}
		if c.bad == "" {
			continue
		}
		if got, err := run(`{"a":` + c.bad + `}`); !IsPermanent(err) || !strings.Contains(err.Error(), "the field a") {
			t.Errorf("%s of %s: got %s %v", c.typ, c.bad, got, err)
		}
	}
}

func TestColumnKeepsState(t *testing.T) {
	col, err := Column(&counter{}, "a", "", recipe.JSON, recipe.JSON)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := col.(Stateful); !ok {
		t.Error("a stateful kind became stateless as a column operation")
	}
	if col, _ := Column(echo{}, "a", "", recipe.JSON, recipe.JSON); col != nil {
		if _, ok := col.(Stateful); ok {
			t.Error("a stateless kind became stateful as a column operation")
		}
	}
}

type counter struct{ echo }

func (*counter) AppendDelta(b []byte) []byte    { return b }
func (*counter) AppendSnapshot(b []byte) []byte { return b }
func (*counter) Restore([]byte) error           { return nil }
func (*counter) Apply([]byte) error             { return nil }

func TestKeptRecords(t *testing.T) {
	var b []byte
	want := []Record{TextRecord("a"), IntRecord(-5), FloatRecord(1.5), BoolRecord(true), BytesRecord(nil), {typ: "list<int>", raw: []byte("[1]")}}
	for _, r := range want {
		b = AppendRecord(b, r)
	}
	for _, w := range want {
		r, rest, err := ReadRecord(b)
		if err != nil || !r.same(w) {
			t.Fatalf("got %v %v, want %v", r, err, w)
		}
		b = rest
	}
	if _, _, err := ReadRecord([]byte{200}); err == nil {
		t.Error("malformed bytes: got no error")
	}
}
