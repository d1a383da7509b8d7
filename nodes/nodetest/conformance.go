package nodetest

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"sluice/nodes"
	"sluice/recipe"
)

var kindName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// Conformance holds every kind of a catalogue to the rules of the SDK: a complete
// spec, at least two examples, settings that check and build without touching
// anything, the same bytes for the same run, and deltas that follow the change.
func Conformance(t *testing.T, c *nodes.Catalogue) {
	for _, k := range c.All() {
		t.Run(k.Kind, func(t *testing.T) {
			checkKind(t, k)
		})
	}
}

// tester is the part of testing.T that the checks use.
type tester interface {
	Helper()
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Failed() bool
	TempDir() string
	Cleanup(func())
}

func checkKind(t tester, k *nodes.Kind) {
	t.Helper()
	checkSpec(t, k)
	checkPorts(t, k)
	checkSettings(t, k)
	if t.Failed() {
		return
	}
	for i := range k.Examples {
		checkSame(t, k, &k.Examples[i])
	}
	checkMany(t, k)
}

func checkSpec(t tester, k *nodes.Kind) {
	t.Helper()
	if !kindName.MatchString(k.Kind) {
		t.Errorf("the name %q is not lower_case", k.Kind)
	}
	if s := k.Summary; s == "" || len(s) > 100 || strings.HasSuffix(s, ".") || strings.Contains(s, "\n") || s[0] < 'A' || s[0] > 'Z' {
		t.Errorf("the summary %q is not one line of up to 100 letters that starts with a capital and ends without full stop", s)
	}
	if verb, _, _ := strings.Cut(k.Summary, " "); !strings.HasSuffix(verb, "s") {
		t.Errorf("the summary %q does not start with a verb (Reads …, Makes …)", k.Summary)
	}
	if k.Category == "" {
		t.Error("it has no category")
	}
	if len(k.Examples) < 2 {
		t.Errorf("it has %d examples, 2 are wanted", len(k.Examples))
	}
	if (k.Role == nodes.Sink || k.Role == nodes.Origin) && k.Guarantee == "" {
		t.Error("it does not state its guarantee")
	}
	if k.Version < 1 {
		t.Errorf("its version is %d", k.Version)
	}
}

func checkPorts(t tester, k *nodes.Kind) {
	t.Helper()
	if k.Role == nodes.Origin && len(k.In) > 0 || k.Role != nodes.Origin && len(k.In) == 0 {
		t.Errorf("it has %d input ports in its role", len(k.In))
	}
	if k.Role == nodes.Sink && len(k.Out) > 0 || k.Role != nodes.Sink && len(k.Out) == 0 || len(k.Out) > nodes.MaxPorts {
		t.Errorf("it has %d output ports in its role", len(k.Out))
	}
	said := map[recipe.Type]bool{}
	seen := map[string]bool{}
	for v := range k.Else {
		said[recipe.Type(v)] = true
	}
	for v := range k.By {
		said[recipe.Type(v)] = true
	}
	for _, p := range k.In {
		if seen["in "+p.Name] || p.Name == "" || !p.Type.IsConcrete() && !p.Type.IsConstraint() && !p.Type.IsVariable() {
			t.Errorf("the input port %q of type %q is wrong", p.Name, p.Type)
		}
		seen["in "+p.Name], said[p.Type] = true, true
	}
	for _, p := range k.Out {
		if seen["out "+p.Name] || p.Name == "" || !p.Type.IsConcrete() && !p.Type.IsVariable() {
			t.Errorf("the output port %q of type %q is wrong", p.Name, p.Type)
		}
		if p.Type.IsVariable() && !said[p.Type] {
			t.Errorf("nothing says the type %s of the output port %s", p.Type, p.Name)
		}
		seen["out "+p.Name] = true
	}
	if k.OrderedWith != "" && !seen["in "+k.OrderedWith] {
		t.Errorf("OrderedWith names no port: %s", k.OrderedWith)
	}
}

func checkSettings(t tester, k *nodes.Kind) {
	t.Helper()
	if err := k.CheckTags(); err != nil {
		t.Error(err)
		return
	}
	for i := range k.Examples {
		config, err := ConfigJSON(k.Examples[i].Config)
		if err != nil {
			t.Errorf("example %d: %v", i, err)
			continue
		}
		canonical, faults := k.CheckConfig(config)
		if faults != nil {
			t.Errorf("example %d: %v", i, faults)
			continue
		}
		again, faults := k.CheckConfig(canonical)
		if faults != nil || string(again) != string(canonical) {
			t.Errorf("example %d: canonical settings %s become %s (%v)", i, canonical, again, faults)
		}
		node, err := k.Build(canonical, &nodes.Env{Checking: true})
		if err != nil {
			t.Errorf("example %d: built for a check: %v", i, err)
			continue
		}
		checkInterfaces(t, k, node)
		closeNode(node)
	}
}

func checkInterfaces(t tester, k *nodes.Kind, node any) {
	t.Helper()
	_, processor := node.(nodes.Processor)
	_, source := node.(nodes.Source)
	_, feed := node.(nodes.Feed)
	_, finisher := node.(nodes.Finisher)
	_, stateful := node.(nodes.Stateful)
	if k.Role == nodes.Origin && source == feed {
		t.Error("a source implements one of Source and Feed")
	}
	if k.Role != nodes.Origin && !processor {
		t.Error("it implements no Processor")
	}
	if finisher != k.AtEnd {
		t.Errorf("AtEnd is %v, Finisher is %v", k.AtEnd, finisher)
	}
	if stateful && k.Role == nodes.Stateless && k.OrderedWith == "" {
		t.Error("a stateless kind implements Stateful")
	}
}

// checkSame runs an example twice and compares everything to the byte.
func checkSame(t tester, k *nodes.Kind, e *nodes.Example) {
	t.Helper()
	var prints [2]string
	for i := range prints {
		c, _, err := exampleCase(t, k, e)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Run(c)
		if err != nil {
			t.Fatal(err)
		}
		prints[i] = fmt.Sprint(got.Dead, got.Deltas, got.State)
		for _, p := range c.Types.Out {
			for _, r := range got.Outs[p.Name] {
				prints[i] += fmt.Sprintf("|%s %x", p.Name, encode(r))
			}
		}
	}
	if prints[0] != prints[1] {
		t.Error("the same run twice gives different bytes")
	}
}

// Bounds of checkMany: so many records, a frame each, and what one delta may weigh.
const (
	manyRecords = 2000
	deltaBytes  = 512
)

// checkMany runs an ordered kind over many records. When they are all distinct and in
// frames of one, no delta may grow with the state. When some are the same, crashes must
// change nothing.
func checkMany(t tester, k *nodes.Kind) {
	t.Helper()
	if k.Role != nodes.Ordered && k.OrderedWith == "" {
		return
	}
	for i := range k.Examples {
		e := &k.Examples[i]
		c, _, err := exampleCase(t, k, e)
		if err != nil {
			t.Fatal(err)
		}
		many := func(frame, period int, crash bool) *Result {
			c.Frame, c.Crash, c.Ins = frame, crash, map[string][]nodes.Record{}
			for _, p := range c.Types.In {
				for n := range manyRecords {
					c.Ins[p.Name] = append(c.Ins[p.Name], distinct(p.Type, n%period, e.Field))
				}
			}
			got, err := Run(c)
			if err != nil {
				t.Fatalf("example %d with %d records: %v", i, manyRecords, err)
			}
			return got
		}
		for n, size := range many(1, manyRecords, false).Deltas {
			if size > deltaBytes {
				t.Errorf("example %d: the delta after record %d has %d bytes; it must follow the change, not the state", i, n, size)
				break
			}
		}
		got, want := many(61, 700, true), many(61, 700, false)
		for _, p := range c.Types.Out {
			compareRecords(t, fmt.Sprintf("example %d with %d records and crashes: %s", i, manyRecords, p.Name), got.Outs[p.Name], want.Outs[p.Name])
		}
		if fmt.Sprint(got.Dead) != fmt.Sprint(want.Dead) {
			t.Errorf("example %d: other records are given up when there are crashes", i)
		}
	}
}

// distinct makes the n-th record of a type.
func distinct(typ recipe.Type, n int, field string) nodes.Record {
	if field != "" {
		return nodes.JSONRecord(fmt.Appendf(nil, `{%q:%d}`, field, n))
	}
	switch typ {
	case recipe.Bool:
		return nodes.BoolRecord(n%3 == 0)
	case recipe.Int:
		return nodes.IntRecord(int64(n))
	case recipe.Float:
		return nodes.FloatRecord(float64(n) / 2)
	case recipe.Bytes:
		return nodes.BytesRecord(fmt.Appendf(nil, "record %d", n))
	case recipe.String:
		return nodes.TextRecord(fmt.Sprintf("record %d", n))
	}
	return nodes.JSONRecord(fmt.Appendf(nil, `{"key":"k%d","count":%d}`, n, n))
}
