package sink

import (
	"context"
	"encoding/binary"

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
		"replay of dead letters always appends: to what its job has written.",
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
	target  *target
	pending []byte // records of the frame in hand
	offset  int64  // bytes written of this job
}

func newFileWriter(c fileWriterConfig, env *nodes.Env) (any, error) {
	w := &fileWriter{format: c.Format}
	if env.Checking {
		return w, nil
	}
	var err error
	w.target, err = newTarget(c.Path, c.IfExists, c.Format != "text", env)
	return w, err
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
func (w *fileWriter) Flush(context.Context) error {
	if len(w.pending) == 0 {
		return nil
	}
	if err := w.target.writeAt(w.pending, w.offset); err != nil {
		return err
	}
	w.offset += int64(len(w.pending))
	if w.pending = w.pending[:0]; cap(w.pending) > keepBuffer {
		w.pending = nil
	}
	return nil
}

// AppendSnapshot implements nodes.Stateful: the state is the offset.
func (w *fileWriter) AppendSnapshot(b []byte) []byte { return binary.AppendVarint(b, w.offset) }

// AppendDelta implements nodes.Stateful.
func (w *fileWriter) AppendDelta(b []byte) []byte { return w.AppendSnapshot(b) }

// Restore implements nodes.Stateful. What was written behind the offset is written again.
func (w *fileWriter) Restore(snapshot []byte) error {
	if len(snapshot) == 0 {
		snapshot = []byte{0}
	}
	return w.Apply(snapshot)
}

// Apply implements nodes.Stateful.
func (w *fileWriter) Apply(delta []byte) error {
	offset, n := binary.Varint(delta)
	if n != len(delta) || offset < 0 {
		return nodes.Permanentf("the state of file_writer is malformed")
	}
	w.offset, w.pending = offset, w.pending[:0]
	return w.target.forget()
}

// Seal implements nodes.Sealer.
func (w *fileWriter) Seal(context.Context) error { return w.target.seal(w.offset) }

// Discard implements nodes.Discarder.
func (w *fileWriter) Discard(context.Context) error { return w.target.discard() }

// Close implements nodes.Closer.
func (w *fileWriter) Close() error {
	if w.target == nil {
		return nil
	}
	return w.target.forget()
}
