package nodetest

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/nodes"
	"sluice/recipe"
)

// Examples runs every example of every kind, in frames of 1, 3 and 256 records, and
// ordered kinds and sources also with a crash after every frame. All must come to what
// the example says.
func Examples(t *testing.T, c *nodes.Catalogue) {
	for _, k := range c.All() {
		for i := range k.Examples {
			e := &k.Examples[i]
			t.Run(fmt.Sprintf("%s/%d", k.Kind, i), func(t *testing.T) {
				checkExample(t, k, e)
			})
		}
	}
}

func checkExample(t tester, k *nodes.Kind, e *nodes.Example) {
	t.Helper()
	for _, frame := range []int{1, 3, 256} {
		runExample(t, k, e, frame, false)
		if k.Role != nodes.Stateless || k.OrderedWith != "" {
			runExample(t, k, e, frame, true)
		}
	}
}

func runExample(t tester, k *nodes.Kind, e *nodes.Example, frame int, crash bool) {
	t.Helper()
	where := fmt.Sprintf("frames of %d", frame)
	if crash {
		where += ", with crashes"
	}
	c, console, err := exampleCase(t, k, e)
	if err != nil {
		t.Fatal(err)
	}
	c.Frame, c.Crash = frame, crash
	got, err := Run(c)
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	outs, err := exampleRecords(e.Outs, e.Out, k.Out)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Dead) != len(e.Dead) {
		t.Fatalf("%s: got dead %q, want %q", where, got.Dead, e.Dead)
	}
	for i, want := range e.Dead {
		if !strings.Contains(got.Dead[i], want) {
			t.Errorf("%s: got dead %q, want %q in it", where, got.Dead[i], want)
		}
	}
	for _, p := range c.Types.Out {
		compareRecords(t, where+": "+p.Name, got.Outs[p.Name], outs[p.Name])
	}
	if console.String() != e.Console {
		t.Errorf("%s: got console %q, want %q", where, console.String(), e.Console)
	}
	compareFiles(t, where, c.Env.Root, e)
}

func compareFiles(t tester, where string, root *os.Root, e *nodes.Example) {
	t.Helper()
	for name, want := range e.Wrote {
		if b, err := root.ReadFile(name); err != nil || string(b) != want {
			t.Errorf("%s: got %s %q (%v), want %q", where, name, b, err, want)
		}
	}
	filepath.WalkDir(root.Name(), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(root.Name(), path)
			if !hasKey(e.Files, name) && !hasKey(e.Wrote, name) {
				t.Errorf("%s: the file %s was left behind", where, name)
			}
		}
		return nil
	})
}

func hasKey(m map[string]string, key string) bool { _, ok := m[key]; return ok }

// exampleCase lays out what an example needs.
func exampleCase(t tester, k *nodes.Kind, e *nodes.Example) (Case, *bytes.Buffer, error) {
	t.Helper()
	console := &bytes.Buffer{}
	c := Case{Kind: k, Config: e.Config, Field: e.Field, Into: e.Into}
	var err error
	if c.Ins, err = exampleRecords(e.Ins, e.In, k.In); err != nil {
		return c, nil, err
	}
	if c.Types, err = exampleTypes(k, e, c.Ins); err != nil {
		return c, nil, err
	}
	dir := t.TempDir()
	for name, content := range e.Files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return c, nil, err
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return c, nil, err
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return c, nil, err
	}
	t.Cleanup(func() { root.Close() })
	c.Env = nodes.Env{Job: "example", Node: "node", Seed: 1, Root: root, Console: console, Stdin: strings.NewReader(e.Stdin)}
	if e.Serve != nil {
		c.Env.Dial = serve(t, e.Serve)
	}
	return c, console, nil
}

// exampleTypes finds the concrete types of the wired ports: from the records, the
// settings and the example's own word.
func exampleTypes(k *nodes.Kind, e *nodes.Example, ins map[string][]nodes.Record) (nodes.PortTypes, error) {
	var types nodes.PortTypes
	outs, err := exampleRecords(e.Outs, e.Out, k.Out)
	if err != nil {
		return types, err
	}
	vars, err := exampleVariables(k, e, ins)
	if err != nil {
		return types, err
	}
	for _, p := range k.In {
		if _, wired := ins[p.Name]; p.Optional && !wired {
			continue
		}
		t, err := concrete(p, vars, ins[p.Name])
		if err != nil {
			return types, err
		}
		types.In = append(types.In, t)
	}
	for _, p := range k.Out {
		t, err := concrete(p, vars, outs[p.Name])
		if err != nil {
			return types, err
		}
		types.Out = append(types.Out, t)
	}
	return types, nil
}

// exampleVariables binds type variables, and constraints as if they were some.
func exampleVariables(k *nodes.Kind, e *nodes.Example, ins map[string][]nodes.Record) (map[string]recipe.Type, error) {
	config, err := ConfigJSON(e.Config)
	if err != nil {
		return nil, err
	}
	config, faults := k.CheckConfig(config)
	if faults != nil {
		return nil, faults[0]
	}
	vars := map[string]recipe.Type{}
	maps.Copy(vars, k.Else)
	for _, p := range k.In {
		switch {
		case p.Type.IsConcrete():
		case e.Field != "":
			if vars[string(p.Type)] = recipe.JSON; p.Type == recipe.Number || k.Where[string(p.Type)] == recipe.Number {
				vars[string(p.Type)] = recipe.Number
			}
		case len(ins[p.Name]) > 0:
			vars[string(p.Type)] = ins[p.Name][0].Type()
		}
	}
	maps.Copy(vars, k.Bound(config))
	maps.Copy(vars, e.Types)
	return vars, nil
}

// concrete resolves the type of a port; a variable may stand for another one.
func concrete(p nodes.Port, vars map[string]recipe.Type, records []nodes.Record) (recipe.PortType, error) {
	typ := p.Type
	for range len(vars) {
		if v, ok := vars[string(typ)]; ok {
			typ = v
		}
	}
	if typ == recipe.Number && p.Type != typ { // a column of numbers
		return recipe.PortType{Name: p.Name, Type: typ}, nil
	}
	if !typ.IsConcrete() && len(records) > 0 {
		typ = records[0].Type()
	}
	if !typ.IsConcrete() {
		return recipe.PortType{}, fmt.Errorf("the example does not show the type %s of port %s; give Types", p.Type, p.Name)
	}
	return recipe.PortType{Name: p.Name, Type: typ}, nil
}

func exampleRecords(named map[string][]any, only []any, ports []nodes.Port) (map[string][]nodes.Record, error) {
	all := map[string][]nodes.Record{}
	if named == nil && len(ports) > 0 {
		named = map[string][]any{ports[0].Name: only}
	}
	for port, values := range named {
		all[port] = []nodes.Record{}
		for _, v := range values {
			r, err := RecordOf(v)
			if err != nil {
				return nil, err
			}
			all[port] = append(all[port], r)
		}
	}
	return all, nil
}
