package library_test

import (
	"strings"
	"testing"

	"sluice/coordinator/library"
	"sluice/recipe"
)

// TestUnfit: what a cluster has nothing to read for is refused before there is a job, with what
// to do.
func TestUnfit(t *testing.T) {
	t.Parallel()
	const file = "nodes:\n  lines: {kind: file_reader, config: {path: '%'}}\n  out: {kind: printer, from: lines}\n"
	reads := strings.NewReplacer("%", "${log}").Replace("recipe: r\nparams: {log: {type: string, default: a.log}}\n" + file)
	piped := "recipe: r\nnodes:\n  lines: {kind: stdin}\n  out: {kind: printer, from: lines}\n"
	without := alone(t, func(c *library.Config) { c.Rootless = func(*recipe.Step) bool { return true } })
	with := alone(t, func(c *library.Config) { c.Rootless = func(*recipe.Step) bool { return false } })
	for _, row := range []struct {
		name   string
		d      desk
		text   string
		params map[string]any
		want   string // of the one fault, "" for none
	}{
		{"stdin", with, piped, nil, "recipe.yaml:3:17: SL701: lines reads the standard input, and a job in a cluster has none; read a file"},
		{"a file and folders", with, reads, nil, ""},
		{"a file and no folder", without, reads, map[string]any{"log": "b.log"}, "recipe.yaml:4:17: SL701: lines reads b.log, and no worker here touches files of its own; give it along by -p log=@b.log"},
		{"a default and no folder", without, reads, nil, "-p log=@a.log"},
		{"a fixed path", without, "recipe: r\n" + strings.Replace(file, "%", "c.log", 1), nil, "make the path a parameter"},
		{"an artifact", without, reads, map[string]any{"log": "artifact:" + strings.Repeat("a", 64) + "/b.log"}, ""},
		{"a sink", without, "recipe: r\nnodes:\n  n: {kind: integer_generator}\n  s: {kind: to_string, from: n}\n  o: {kind: file_writer, from: s, config: {path: o}}\n", nil, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			plan, found, err := row.d.Compile(row.d.ctx, sent(t, row.text), row.params, 0)
			if err != nil || (plan == nil) == (row.want == "") || row.want == "" && len(found) > 0 {
				t.Fatalf("got %v, %v", found, err)
			}
			if row.want != "" && (len(found) != 1 || !strings.Contains(found[0].String(), row.want)) {
				t.Errorf("got %v, want %s", found, row.want)
			}
		})
	}
	if _, found, err := with.Check(with.ctx, sent(t, piped)); err != nil || len(found) != 1 || found[0].Code != recipe.CodeNoInput {
		t.Errorf("a check: got %v, %v", found, err)
	}
}
