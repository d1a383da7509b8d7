package library

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"sluice/coordinator"
	"sluice/recipe"
)

const contextLines = 3

// Diff compares two versions of a recipe: their texts line by line, and their documents by what
// they mean, so that the order of keys and the spelling of values make no difference there. from
// and to are numbers, 0 for the latest.
func (l *Library) Diff(ctx context.Context, name string, from, to int) (*coordinator.RecipeDiff, error) {
	old, err := l.Saved(ctx, Ref{name, from}.String())
	if err != nil {
		return nil, err
	}
	now, err := l.Saved(ctx, Ref{name, to}.String())
	if err != nil {
		return nil, err
	}
	d := &coordinator.RecipeDiff{Name: name, From: old.Version, To: now.Version}
	var text strings.Builder
	if err := unified(&text, old.Label, now.Label, old.Text, now.Text); err != nil {
		return nil, err
	}
	for _, p := range union(old.Files, now.Files) {
		if err := unified(&text, old.beside(p), now.beside(p), old.Files[p], now.Files[p]); err != nil {
			return nil, err
		}
	}
	d.Text = text.String()
	before, after := documentOf(&old), documentOf(&now)
	d.Nodes = changes(fieldsOf(before["nodes"]), fieldsOf(after["nodes"]))
	d.Params = changes(fieldsOf(before["params"]), fieldsOf(after["params"]))
	for _, field := range union(before, after) {
		if field != "nodes" && field != "params" && !bytes.Equal(before[field], after[field]) {
			d.Fields = append(d.Fields, field)
		}
	}
	return d, nil
}

// unified appends a diff of two texts, nothing when they are equal. Far apart ones are not compared
// to the last line: the library bounds its work.
func unified(b *strings.Builder, from, to, before, after string) error {
	text, err := udiff.ToUnified(from, to, before, udiff.Lines(before, after), contextLines)
	b.WriteString(text)
	return err
}

// documentOf returns the fields of a document as JSON with sorted keys.
func documentOf(s *Source) map[string][]byte {
	v, found := recipe.ParseValue(s.Label, []byte(s.Text))
	if len(found) > 0 {
		return nil
	}
	return fieldsOf(v.AppendJSON(nil))
}

// fieldsOf returns the fields of an object in JSON, each with its own keys sorted.
func fieldsOf(object []byte) map[string][]byte {
	var fields map[string]any
	dec := json.NewDecoder(bytes.NewReader(object))
	dec.UseNumber()
	if len(object) == 0 || dec.Decode(&fields) != nil {
		return nil
	}
	all := make(map[string][]byte, len(fields))
	for name, v := range fields {
		all[name], _ = json.Marshal(v) // it came from JSON
	}
	return all
}

func changes(before, after map[string][]byte) (c coordinator.RecipeChanges) {
	for _, name := range union(before, after) {
		old, was := before[name]
		now, is := after[name]
		switch {
		case !was:
			c.Added = append(c.Added, name)
		case !is:
			c.Removed = append(c.Removed, name)
		case !bytes.Equal(old, now):
			c.Changed = append(c.Changed, name)
		}
	}
	return c
}

// union returns the keys of both, sorted.
func union[V any](a, b map[string]V) []string {
	all := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(all)
	return slices.Compact(all)
}
