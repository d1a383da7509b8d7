package source

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"sluice/nodes"
	"sluice/recipe"
)

var fileReaderKind = nodes.Define(nodes.Spec{
	Kind:     "file_reader",
	Category: "source",
	Summary:  "Reads files, line by line or whole",
	Doc: "`path` may be a pattern: `*`, `?` and `[a-z]` stand for parts of a name, `**` for any folders (`logs/**/*.gz`), and the files follow each other by name. " +
		"Names that begin with a dot are found only by a pattern that has the dot. A file that a pattern found and that can't be opened (a pipe, a link out of the root) " +
		"and an archive that is broken are a dead letter each; a path without pattern that can't be opened fails the job. Plain, gzip, zip and zstd " +
		"files are told apart by their content. Lines end at \\n or \\r\\n, a last line without one counts, and empty " +
		"lines are records (not so in `json_lines`, where a blank line stands for no value). Files in UTF-16 that begin with a byte order mark, as Windows writes them, become " +
		"UTF-8 in the formats `lines` and `json_lines` (unless they are packed); all others are taken byte by byte. Bytes that are not UTF-8 travel on unchanged, also in the strings of `json_lines`. Plain files are read in pieces, by many " +
		"workers. A line over the largest record is a dead letter that says where it begins. An empty file has no record.",
	Role: nodes.Origin,
	Out:  []nodes.Port{{Name: "out", Type: "T", Doc: "the lines (string), the texts (string) or the values (json)"}},
	By:   map[string]nodes.TypeBy{"T": {Setting: "format", Types: map[string]recipe.Type{formatJSONLines: recipe.JSON}, Else: recipe.String}},
	Guarantee: "Reads the same records again as long as the files only grow; what is added after the job began is not read. A file that is shorter " +
		"than it was then, or whose first 4,096 bytes are others, fails the job.",
	Examples: []nodes.Example{
		{Config: "path: auth.log", Files: map[string]string{"auth.log": "one\r\n\ntwo"}, Out: []any{"one", "", "two"}},
		{
			Doc: "Several files, in the order of their names", Config: "path: 'logs/*.log'",
			Files: map[string]string{"logs/b.log": "3\n", "logs/a.log": "1\n2\n", "logs/note.txt": "no"}, Out: []any{"1", "2", "3"},
		},
		{
			Doc: "And of all folders below", Config: "path: 'logs/**/*.log'",
			Files: map[string]string{"logs/b.log": "2\n", "logs/a/x/y.log": "1\n", "logs/.c.log": "no"}, Out: []any{"1", "2"},
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
	Path       string `json:"path" doc:"file to read, or a pattern such as logs/*.gz; relative to the root; or an artifact: artifact:SHA256/NAME" format:"path"`
	Format     string `json:"format" doc:"lines: a record per line; text: a record per file; json_lines: a JSON value per line" default:"lines" enum:"lines|text|json_lines"`
	MaxBytes   int64  `json:"max_bytes" doc:"bytes that a packed file may unpack to" default:"17179869184" min:"1"`
	SplitBytes int64  `json:"split_bytes" doc:"bytes of the pieces that plain files are read in" default:"67108864" min:"1"`
}

type fileReader struct {
	fileReaderConfig
	env *nodes.Env
}

func newFileReader(c fileReaderConfig, env *nodes.Env) (any, error) {
	if nodes.IsArtifact(c.Path) {
		if _, _, err := nodes.ParseArtifact(c.Path); err != nil {
			return nil, err
		}
	}
	return &fileReader{c, env}, nil
}

// errOpen marks that a file can't be opened.
type errOpen struct{ error }

func (e errOpen) Unwrap() error { return e.error }

// open opens a path that match made. What is no file is not even opened: a pipe would
// wait for somebody who writes.
func (f *fileReader) open(path string) (nodes.File, error) {
	if nodes.IsArtifact(path) {
		file, err := f.env.OpenArtifact(path)
		if err != nil {
			return nil, errOpen{err}
		}
		return file, nil
	}
	info, err := f.env.Root.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return nil, errOpen{nodes.Permanentf("it is a folder")}
	case err == nil && !info.Mode().IsRegular():
		return nil, errOpen{nodes.Permanentf("it is no regular file; a stream is read by stdin")}
	}
	var file *os.File
	if err == nil {
		file, err = f.env.Root.Open(path)
	}
	if err == nil {
		return file, nil
	}
	return nil, errOpen{nodes.FileCause(f.env.Root, err)}
}

// Open implements nodes.Source. An offset counts the bytes of the decompressed piece.
func (f *fileReader) Open(_ context.Context, split nodes.Split, offset int64) (nodes.Reader, error) {
	r := &fileReaderPiece{piece: &piece{}, format: f.Format}
	if err := json.Unmarshal(split, r.piece); err != nil {
		return nil, nodes.Permanentf("a split of file_reader is malformed: %w", err)
	}
	if r.Lost != "" {
		return &lostFile{r.piece, offset}, nil
	}
	if f.env.Root == nil && !nodes.IsArtifact(r.Path) {
		return nil, nodes.NoFolder(r.Path)
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
