package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSecretsStayUnsaid runs recipes that fail with a secret's value in what the node says,
// and looks for the value in all that is shown and stored.
func TestSecretsStayUnsaid(t *testing.T) {
	const form = "recipe: r\nnodes:\n  in:  {kind: stdin}\n  json: {kind: parse_json, from: in}\n  n:   {kind: %}\n  out: {kind: printer, from: n}\n"
	const in = "  in:  {kind: stdin}\n  json: {kind: parse_json, from: in}\n"
	recipe := func(node string) string { return strings.Replace(form, "%", node, 1) }
	f := newFolder(t, map[string]string{
		"fetch.yaml":  strings.Replace(recipe(`fetch_url, config: {url: "http://127.0.0.1:9/${secret:kk}"}`), in, "", 1),
		"read.yaml":   strings.Replace(recipe(`file_reader, config: {path: "${secret:kk}"}`), in, "", 1),
		"count.yaml":  recipe(`count_by, from: json, config: {field: "${secret:kk}"}`),
		"fail.yaml":   recipe(`count_by, from: json, config: {field: "${secret:kk}"}, on_error: fail`),
		"lookup.yaml": recipe(`lookup, from: in, config: {path: "${secret:kk}", key: k, into: v}`),
		"write.yaml":  "recipe: r\nnodes:\n  in:  {kind: stdin}\n  out: {kind: file_writer, from: in, config: {path: \"../${secret:kk}\"}}\n",
	})
	for _, c := range []struct {
		recipe, value string
		code          int
	}{
		{"fetch", "TOPSECRETVAL", 1},
		{"fetch", "TOP SECRETVAL/ö?x=1", 1},
		{"read", "TOPSECRETVAL", 1},
		{"count", "TOPSECRETVAL", 0},
		{"count", "TOPSECRETVAL" + strings.Repeat("x", 100), 0},
		{"fail", "TOPSECRETVAL", 1},
		{"count", "SECRETVAL.TOP(.", 1}, // refused: no field has such a name
		{"lookup", "TOPSECRETVAL", 1},
		{"write", "TOPSECRETVAL", 1},
	} {
		t.Run(c.recipe, func(t *testing.T) {
			t.Setenv("SLUICE_SECRET_KK", c.value)
			f.t = t
			dir := "d-" + filepath.Base(t.Name())
			r := f.must(c.code, "7\n", "run "+c.recipe+".yaml --allow-net 127.0.0.0/8 --log-level trace --json --data-dir "+dir)
			told := r.out + r.errs + f.must(0, "", "dead list --json --data-dir "+dir).out
			if !strings.Contains(told, "${secret:kk}") {
				t.Errorf("nothing tells that a secret was there:\n%s", told)
			}
			unsaid(t, "what is shown", told)
			stored := 0
			err := filepath.WalkDir(filepath.Join(f.dir, dir), func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				text, err := os.ReadFile(path)
				stored += strings.Count(string(text), "${secret:kk}")
				unsaid(t, path, string(text))
				return err
			})
			if err != nil || stored == 0 {
				t.Errorf("got %v; the recipe itself, with the secret's name, is in %d places", err, stored)
			}
		})
	}
}

func unsaid(t *testing.T, where, text string) {
	t.Helper()
	for _, part := range []string{"SECRETVAL", "TOP("} {
		if at := strings.Index(text, part); at >= 0 {
			t.Errorf("%s has the secret's value: %q", where, text[max(0, at-100):min(len(text), at+100)])
		}
	}
}

// TestPathOutsideIsToldOnce: what was never written is not cleared up with a word.
func TestPathOutsideIsToldOnce(t *testing.T) {
	f := newFolder(t, map[string]string{
		"out.yaml": "recipe: r\nnodes:\n  in:  {kind: stdin}\n  out: {kind: file_writer, from: in, config: {path: ../x.txt}}\n",
	})
	r := f.must(1, "1\n", "run out.yaml -q")
	if strings.Count(r.errs, "\n") != 1 || !strings.Contains(r.errs, "r: node out: file_writer: ../x.txt lies outside") {
		t.Errorf("got %q", r.errs)
	}
}

// TestSecretsFollowTheirRecords fails records that are made of a secret at steps that do not
// name it: on one of several workers, in a replay, and in a replay that was not told it.
func TestSecretsFollowTheirRecords(t *testing.T) {
	const text = `recipe: r
nodes:
  in:   {kind: stdin}
  made: {kind: regex_replace, from: in, config: {regex: '^.*$', replacement: "${secret:kk}"}}
  n:    {kind: parse_int, from: made}
  out:  {kind: printer, from: n}
`
	f := newFolder(t, map[string]string{"r.yaml": text, "fail.yaml": strings.Replace(text, "from: made", "from: made, on_error: fail", 1)})
	t.Setenv("SLUICE_SECRET_KK", "TOPSECRETVAL")
	told := func(code int, what, args string, want string) {
		t.Helper()
		r := f.must(code, "7\n", args)
		said := r.out + r.errs
		if code == 0 {
			said += f.must(0, "", "dead list --data-dir d").out
		}
		unsaid(t, what, said)
		if !strings.Contains(said, want) {
			t.Errorf("%s: got\n%s\nwant %s", what, said, want)
		}
	}
	const masked = `"${secret:kk}" is no integer`
	told(1, "a failed job", "run fail.yaml --workers 4 --log-level trace", masked)
	told(0, "a job", "run r.yaml --workers 4 --log-level trace --data-dir d", masked)
	told(0, "a replay", "dead replay --data-dir d", masked)
	if err := os.Unsetenv("SLUICE_SECRET_KK"); err != nil {
		t.Fatal(err)
	}
	told(0, "a replay of the replay, without the secret", "dead replay --data-dir d", "the reason is withheld: it may quote secret kk")
}

// TestShownLetterHasNoPath: the split of a source whose path is a secret is not shown.
func TestShownLetterHasNoPath(t *testing.T) {
	f := newFolder(t, map[string]string{
		"TOPSECRETVAL/a.txt": "x\n",
		"r.yaml":             "recipe: r\nnodes:\n  in:  {kind: file_reader, config: {path: \"${secret:kk}/a.txt\"}}\n  n:   {kind: parse_int, from: in}\n  out: {kind: printer, from: n}\n",
	})
	t.Setenv("SLUICE_SECRET_KK", "TOPSECRETVAL")
	f.must(0, "", "run r.yaml --data-dir d")
	id, _, _ := strings.Cut(strings.Split(f.must(0, "", "dead list --data-dir d").out, "\n")[1], " ")
	for _, args := range []string{"", " --json"} {
		shown := f.must(0, "", "dead show --data-dir d "+id+args).out
		unsaid(t, "the letter", shown)
		if !strings.Contains(shown, `"x"`) || !strings.Contains(shown, "source") {
			t.Errorf("got %s", shown)
		}
	}
}
