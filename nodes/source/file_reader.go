package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"sluice/nodes"
	"sluice/recipe"
)

var fileReaderKind = nodes.Define(nodes.Spec{
	Kind:     "file_reader",
	Category: "source",
	Summary:  "Reads files, line by line or whole",
	Doc: "`path` may be a pattern (`logs/*.gz`); the files follow each other by name. Plain, gzip, zip and zstd " +
		"files are told apart by their content. Lines end at \\n or \\r\\n, a last line without one counts, and empty " +
		"lines are records (not so in `json_lines`, where a blank line stands for no value). Plain files are read in pieces, by many " +
		"workers. A line over the largest record is a dead letter that says where it begins. An empty file has no record.",
	Role:      nodes.Origin,
	Out:       []nodes.Port{{Name: "out", Type: "T", Doc: "the lines (string), the texts (string) or the values (json)"}},
	By:        map[string]nodes.TypeBy{"T": {Setting: "format", Types: map[string]recipe.Type{formatJSONLines: recipe.JSON}, Else: recipe.String}},
	Guarantee: "Reads the same records again as long as the files only grow; what is added after the job began is not read.",
	Examples: []nodes.Example{
		{Config: "path: auth.log", Files: map[string]string{"auth.log": "one\r\n\ntwo"}, Out: []any{"one", "", "two"}},
		{
			Doc: "Several files, in the order of their names", Config: "path: 'logs/*.log'",
			Files: map[string]string{"logs/b.log": "3\n", "logs/a.log": "1\n2\n", "logs/note.txt": "no"}, Out: []any{"1", "2", "3"},
		},
		{
			Doc: "A bad line is given up, the rest arrives", Config: "{path: e.ndjson, format: json_lines}",
			Files: map[string]string{"e.ndjson": "{\"id\":1}\nid 2\n\n {\"id\": 3} \n"},
			Out:   []any{nodes.JSON(`{"id":1}`), nodes.JSON(`{"id": 3}`)}, Dead: []string{"e.ndjson: the line at byte 9 is not valid JSON"},
		},
		{Doc: "Whole", Config: "{path: n.txt, format: text}", Files: map[string]string{"n.txt": "a\nb\n"}, Out: []any{"a\nb\n"}},
		{Doc: "In pieces", Config: "{path: n.txt, split_bytes: 3}", Files: map[string]string{"n.txt": "a\nbcdefg\n\nh\n"}, Out: []any{"a", "bcdefg", "", "h"}},
		{
			Doc: "Unpacked by content", Config: "path: n.gz", Out: []any{"packed"},
			Files: map[string]string{"n.gz": "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03+HL\xceNM\xe1\x02\x00C\xe0A/\x07\x00\x00\x00"},
		},
	},
}, newFileReader)

type fileReaderConfig struct {
	Path       string `json:"path" doc:"file to read, or a pattern such as logs/*.gz; relative to the root" format:"path"`
	Format     string `json:"format" doc:"lines: a record per line; text: a record per file; json_lines: a JSON value per line" default:"lines" enum:"lines|text|json_lines"`
	MaxBytes   int64  `json:"max_bytes" doc:"bytes that a packed file may unpack to" default:"17179869184" min:"1"`
	SplitBytes int64  `json:"split_bytes" doc:"bytes of the pieces that plain files are read in" default:"67108864" min:"1"`
}

type fileReader struct {
	fileReaderConfig
	env *nodes.Env
}

func newFileReader(c fileReaderConfig, env *nodes.Env) (any, error) {
	return &fileReader{c, env}, nil
}

// open opens a path that match made. What is no file is not even opened: a pipe would
// wait for somebody who writes.
func (f *fileReader) open(path string) (*os.File, error) {
	info, err := f.env.Root.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return nil, nodes.Permanentf("it is a folder")
	case err == nil && !info.Mode().IsRegular():
		return nil, nodes.Permanentf("it is no regular file; a stream is read by stdin")
	}
	var file *os.File
	if err == nil {
		file, err = f.env.Root.Open(path)
	}
	var p *os.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return file, err
}

// Open implements nodes.Source. An offset counts the bytes of the decompressed piece.
func (f *fileReader) Open(_ context.Context, split nodes.Split, offset int64) (nodes.Reader, error) {
	r := &fileReaderPiece{piece: &piece{}, format: f.Format}
	if err := json.Unmarshal(split, r.piece); err != nil {
		return nil, nodes.Permanentf("a split of file_reader is malformed: %w", err)
	}
	if f.env.Root == nil {
		return nil, nodes.Permanentf("%s: this worker was given no folder, so it touches no files", r.Path)
	}
	var err error
	if r.file, err = f.open(r.Path); err != nil {
		return nil, fmt.Errorf("%s: %w", r.Path, err)
	}
	if err := r.start(f.MaxBytes, offset); err != nil {
		r.Close()
		return nil, fmt.Errorf("%s: %w", r.title(), err)
	}
	return r, nil
}

// fileReaderPiece reads one split.
type fileReaderPiece struct {
	*piece
	format string
	file   *os.File
	stream *unpacked // nil for plain files
	cutter *cutter
	broken error // found when the piece was opened, or of the file: it stays
	over   bool  // nothing more is read
}

func (r *fileReaderPiece) start(maxBytes, offset int64) error {
	if r.Packed == packedPlain {
		in, err := openPlain(r.file, r.Start+offset, r.End)
		r.cutter = newCutter(in, r.format, r.title(), r.Start, offset)
		return err
	}
	r.cutter = newCutter(nil, r.format, r.title(), 0, offset)
	stream, err := unpack(r.file, r.Packed, r.Member, maxBytes)
	if err == nil {
		r.stream = stream
		r.cutter.in.Reset(stream)
		_, err = io.CopyN(io.Discard, stream, offset)
	}
	if content := (errContent{}); errors.As(err, &content) || errors.Is(err, io.EOF) {
		// The place where the content ends or breaks. An offset behind it was handed out
		// together with the error.
		r.over, r.broken = offset > 0, err
		return nil
	}
	return err
}

// Read implements nodes.Reader. When the content of a file is broken or too large, the
// rest of it is given up as one record.
func (r *fileReaderPiece) Read(c *nodes.Call) error {
	if r.over {
		return io.EOF
	}
	err := r.broken
	if err == nil {
		var record nodes.Record
		if record, err = r.cutter.next(); err == nil {
			c.Emit(record)
			return nil
		}
	}
	if content := (errContent{}); errors.As(err, &content) {
		at := r.cutter.offset
		r.over = true
		r.cutter.offset++
		if r.stream != nil {
			r.cutter.offset = r.stream.out + 1 // which start can't reach again
		}
		return nodes.Permanentf("%s: the rest of the file, from byte %d, is given up: %w", r.title(), at, err)
	}
	if errors.Is(err, io.EOF) {
		return r.end()
	}
	if !nodes.IsPermanent(err) {
		r.broken = err // the piece must be opened again
		err = fmt.Errorf("%s: %w", r.title(), err)
	}
	return err
}

// end is where a plain file must have given all that was cut of it.
func (r *fileReaderPiece) end() error {
	if missing := r.End - r.Start - r.cutter.offset; r.stream == nil && missing > 0 {
		return fmt.Errorf("%s: it became shorter by %d bytes while it was read", r.title(), missing)
	}
	return io.EOF
}

// Offset implements nodes.Reader.
func (r *fileReaderPiece) Offset() int64 { return r.cutter.offset }

// Position implements nodes.Position: where the record read last begins.
func (r *fileReaderPiece) Position() string {
	return fmt.Sprintf("%s, byte %d", r.title(), r.Start+r.cutter.last)
}

// Close implements nodes.Reader.
func (r *fileReaderPiece) Close() error {
	if r.stream != nil {
		r.stream.Close()
	}
	return r.file.Close()
}
