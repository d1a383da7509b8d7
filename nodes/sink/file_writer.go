package sink

import (
	"context"
	"path/filepath"
	"strings"

	"sluice/nodes"
	"sluice/recipe"
)

var fileWriterKind = nodes.Define(nodes.Spec{
	Kind:     "file_writer",
	Category: "sink",
	Summary:  "Writes records to a file, in order",
	Doc: "Folders are made as needed. With `replace` and `fail` the records are gathered in a hidden file beside the " +
		"target, which takes the target's name when the input of this node has ended: until then, and when the job fails before, the target is " +
		"as it was. With `append` they are written behind what the file held when the job began (in lines, behind a line end); another hidden file remembers how much " +
		"that was, and when the job fails before the input has ended, or is stopped there where nothing keeps it (`sluice run` without `--data-dir`), the file is cut back to that. " +
		"What was written when the input had ended stays, also when the job fails later in another branch. No other program may append to the file meanwhile, and no other node of the recipe may write it. A " +
		"replay of dead letters always appends: to what its job has written. Where workers have no folder, in a cluster, the file is an artifact of its job: nothing is there " +
		"before it, so `if_exists` makes no difference, and it appears when the job has succeeded; that of a replay is one of its own.",
	Role: nodes.Sink, Exclusive: "path", Replay: map[string]any{"if_exists": "append"},
	In: []nodes.Port{{Name: "in", Type: recipe.Any, Doc: "what to write, in its text form or, in json_lines, as JSON"}},
	Guarantee: "Each record once and in order, whatever process dies: records are written at offsets, and a resumed job " +
		"cuts the file back to its checkpoint.",
	Examples: []nodes.Example{
		{Config: "path: out/lines.txt", In: []any{"one", "", "two"}, Wrote: map[string]string{"out/lines.txt": "one\n\ntwo\n"}},
		{
			Doc: "Behind what is there", Config: "{path: log, if_exists: append}", Files: map[string]string{"log": "old\n"},
			In: []any{"new", "newer"}, Wrote: map[string]string{"log": "old\nnew\nnewer\n"},
		},
		{
			Doc: "A last line without an end gets one", Config: "{path: log, if_exists: append}", Files: map[string]string{"log": "old"},
			In: []any{"new"}, Wrote: map[string]string{"log": "old\nnew\n"},
		},
		{
			Doc: "A value per line", Config: "{path: v.ndjson, format: json_lines}", In: []any{"a \"b\"", "\xff", "c"},
			Wrote: map[string]string{"v.ndjson": "\"a \\\"b\\\"\"\n\"c\"\n"}, Dead: []string{"not UTF-8"},
		},
		{
			Doc: "Lines are written as they are, JSON in UTF-8 only", Config: "{path: v.ndjson, format: json_lines}", In: []any{nodes.JSON("{\"a\":\"\xff\"}"), nodes.JSON(`{"a": "é"}`)},
			Wrote: map[string]string{"v.ndjson": "{\"a\":\"é\"}\n"}, Dead: []string{"not UTF-8"},
		},
		{Doc: "No records make an empty file", Config: "{path: none, if_exists: fail}", Types: map[string]recipe.Type{"any": recipe.Int}, Wrote: map[string]string{"none": ""}},
		{Doc: "As it is", Config: "{path: raw, format: text}", In: []any{[]byte("a"), []byte("\nb")}, Wrote: map[string]string{"raw": "a\nb"}},
	},
}, newFileWriter)

type fileWriterConfig struct {
	Path     string `json:"path" doc:"file to write, relative to the root" format:"path"`
	Format   string `json:"format" doc:"lines: the text form and a line end; text: the text form alone; json_lines: a JSON value per line" default:"lines" enum:"lines|text|json_lines"`
	IfExists string `json:"if_exists" doc:"what to do with a file of that name" default:"replace" enum:"replace|append|fail"`
}

// keepBuffer is the size up to which a buffer is kept for the next frame.
const keepBuffer = 1 << 20

type fileWriter struct {
	format  string
	out     nodes.Output // a file in a folder, or an artifact
	pending []byte       // records of the frame in hand
}

func newFileWriter(c fileWriterConfig, env *nodes.Env) (any, error) {
	w := &fileWriter{format: c.Format}
	switch {
	case nodes.IsArtifact(c.Path):
		return nil, nodes.Permanentf("path %s: an artifact is never written again; give a name, and the file becomes an artifact of the job", c.Path)
	case env.Checking:
		w.out = &target{} // it opens nothing
		return w, nil
	case env.Output != nil:
		w.out = env.Output
		return w, artifactPath(c.Path)
	}
	t, err := newTarget(c.Path, c.IfExists, c.Format != "text", env)
	if err != nil {
		return nil, err
	}
	w.out = t
	return w, nil
}

// artifactPath refuses what no file of a job could be called.
func artifactPath(path string) error {
	if clean := filepath.Clean(path); !filepath.IsLocal(clean) || clean == "." || strings.HasSuffix(path, "/") {
		return nodes.Permanentf("%s: the name of a file is wanted, relative and not above the job's folder: the file becomes an artifact of the job", path)
	}
	return nil
}

// Process implements nodes.Processor.
func (w *fileWriter) Process(_ *nodes.Call, r nodes.Record) (err error) {
	before := len(w.pending)
	if w.format == "json_lines" {
		if w.pending, err = nodes.AppendJSON(w.pending, r); err != nil {
			w.pending = w.pending[:before]
			return err
		}
	} else {
		w.pending = nodes.AppendText(w.pending, r)
	}
	if w.format != "text" {
		w.pending = append(w.pending, '\n')
	}
	return nil
}

// Flush implements nodes.Flusher. After an error it may be called again: it writes the
// same bytes at the same place.
func (w *fileWriter) Flush(ctx context.Context) error {
	if len(w.pending) == 0 {
		return nil
	}
	if err := w.out.Append(ctx, w.pending); err != nil {
		return err
	}
	if w.pending = w.pending[:0]; cap(w.pending) > keepBuffer {
		w.pending = nil
	}
	return nil
}

// AppendSnapshot implements nodes.Stateful: the state is that of the output.
func (w *fileWriter) AppendSnapshot(b []byte) []byte { return w.out.AppendState(b, true) }

// AppendDelta implements nodes.Stateful.
func (w *fileWriter) AppendDelta(b []byte) []byte { return w.out.AppendState(b, false) }

// Restore implements nodes.Stateful. What was written behind the state is written again.
func (w *fileWriter) Restore(snapshot []byte) error { return w.Apply(snapshot) }

// Apply implements nodes.Stateful.
func (w *fileWriter) Apply(delta []byte) error {
	w.pending = w.pending[:0]
	return w.out.Restore(delta)
}

// Seal implements nodes.Sealer.
func (w *fileWriter) Seal(ctx context.Context) error { return w.out.Seal(ctx) }

// Discard implements nodes.Discarder.
func (w *fileWriter) Discard(ctx context.Context) error {
	if d, ok := w.out.(nodes.Discarder); ok {
		return d.Discard(ctx)
	}
	return nil
}

// Close implements nodes.Closer.
func (w *fileWriter) Close() error {
	if c, ok := w.out.(nodes.Closer); ok {
		return c.Close()
	}
	return nil
}
