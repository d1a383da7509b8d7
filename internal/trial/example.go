package trial

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"sluice/nodes"
	"sluice/nodes/nodetest"
	"sluice/recipe"
)

// Sample is an example of a kind that is run in a job: as the node Name, with a give
// before each input port and a keep behind each output port.
type Sample struct {
	Name string
	Kind *nodes.Kind
	nodes.Example
}

// Samples returns the examples of all kinds of a catalogue.
func Samples(c *nodes.Catalogue) []Sample {
	var all []Sample
	for _, k := range c.All() {
		for i, e := range k.Examples {
			all = append(all, Sample{fmt.Sprintf("%s_%d", k.Kind, i), k, e})
		}
	}
	return all
}

// Alone reports whether a sample needs a job of its own, because of what it touches
// outside.
func (s *Sample) Alone() bool {
	return s.Files != nil || s.Wrote != nil || s.Stdin != "" || s.Console != ""
}

// Recipe makes one recipe of many samples.
func Recipe(samples []Sample) (string, error) {
	all := map[string]any{}
	for i := range samples {
		if err := samples[i].nodes(all); err != nil {
			return "", fmt.Errorf("%s: %w", samples[i].Name, err)
		}
	}
	b, err := json.Marshal(map[string]any{"recipe": "samples", "nodes": all})
	return string(b), err
}

func (s *Sample) nodes(all map[string]any) error {
	config, err := nodetest.ConfigJSON(s.Config)
	if err != nil {
		return err
	}
	node := map[string]any{"kind": s.Kind.Kind, "config": config}
	if s.Field != "" {
		node["field"] = s.Field
	}
	if s.Into != "" {
		node["into"] = s.Into
	}
	from := map[string]string{}
	for _, p := range s.Kind.In {
		values, given := s.Ins[p.Name]
		if s.Ins == nil {
			values, given = s.In, true
		}
		if !given && p.Optional {
			continue
		}
		give, err := s.give(p, values)
		if err != nil {
			return err
		}
		all[s.Name+"_in_"+p.Name] = give
		from[p.Name] = s.Name + "_in_" + p.Name
	}
	if len(from) > 0 {
		node["from"] = from
	}
	if len(s.Kind.In) == 1 {
		node["from"] = from[s.Kind.In[0].Name]
	}
	all[s.Name] = node
	for _, p := range s.Kind.Out {
		all[s.Name+"_out_"+p.Name] = map[string]any{"kind": "keep", "from": s.Name + "." + p.Name, "config": map[string]string{"path": s.path(p.Name)}}
	}
	return nil
}

func (s *Sample) path(port string) string { return ".kept-" + s.Name + "." + port }

// give makes the source of the records of an input port.
func (s *Sample) give(p nodes.Port, values []any) (map[string]any, error) {
	var batch nodes.Batch
	for _, v := range values {
		r, err := nodetest.RecordOf(v)
		if err != nil {
			return nil, err
		}
		batch.Type = r.Type()
		batch.Append(r)
	}
	typ := batch.Type
	switch {
	case typ != "":
	case s.Types[string(p.Type)] != "":
		typ = s.Types[string(p.Type)]
	case s.Field != "":
		typ = recipe.JSON
	case p.Type.IsConcrete():
		typ = p.Type
	default:
		typ = recipe.String
	}
	return map[string]any{"kind": "give", "config": map[string]any{"type": string(typ), "records": base64.StdEncoding.EncodeToString(batch.Encoded()), "count": batch.Len()}}, nil
}

// Check compares what a job made of a sample.
func (s *Sample) Check(t testing.TB, r *Rig, res *Result) {
	t.Helper()
	for i, p := range s.Kind.Out {
		want := s.Outs[p.Name]
		if s.Outs == nil && i == 0 {
			want = s.Out
		}
		var b strings.Builder
		for _, v := range want {
			rec, err := nodetest.RecordOf(v)
			if err != nil {
				t.Fatal(err)
			}
			b.WriteString(kept(rec) + "\n")
		}
		if got := r.Read(t, s.path(p.Name)); got != b.String() {
			t.Errorf("%s, port %s: got\n%swant\n%s", s.Name, p.Name, got, b.String())
		}
	}
	letters := res.DeadOf(s.Name)
	if len(letters) != len(s.Dead) {
		t.Errorf("%s: got dead letters %+v, want %q", s.Name, letters, s.Dead)
		return
	}
	for i, want := range s.Dead {
		if l := letters[i]; !strings.Contains(l.Reason, want) || l.Kind != s.Kind.Kind || l.Attempts == 0 {
			t.Errorf("%s: got dead letter %+v, want %q in its reason", s.Name, l, want)
		}
	}
}

// CheckAlone compares what a sample that has a job of its own left outside.
func (s *Sample) CheckAlone(t testing.TB, r *Rig) {
	t.Helper()
	for name, want := range s.Wrote {
		if got := r.Read(t, name); got != want {
			t.Errorf("%s: got %s %q, want %q", s.Name, name, got, want)
		}
	}
	if got := r.Console.Take(); got != s.Console {
		t.Errorf("%s: got console %q, want %q", s.Name, got, s.Console)
	}
}

// Clear empties the root.
func (r *Rig) Clear() {
	r.t.Helper()
	all, err := filepath.Glob(filepath.Join(r.Dir, "*"))
	hidden, _ := filepath.Glob(filepath.Join(r.Dir, ".*"))
	all = append(all, hidden...)
	sort.Strings(all)
	for _, name := range all {
		if err == nil {
			err = os.RemoveAll(name)
		}
	}
	if err != nil {
		r.t.Fatal(err)
	}
}
