package source

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"sluice/nodes"
)

// piece is a split of file_reader.
type piece struct {
	Path   string `json:"path"`
	Packed string `json:"packed"`
	Start  int64  `json:"start,omitempty"` // of a plain file: the bytes of the piece
	End    int64  `json:"end,omitempty"`
	Member int    `json:"member,omitempty"` // of a zip file
	Name   string `json:"name,omitempty"`   // of the member
	Lost   string `json:"lost,omitempty"`   // why the file can't be read: a piece that is one dead letter
	Head   *head  `json:"head,omitempty"`   // of the file; splits of older versions have none
}

// title names the piece for people.
func (p *piece) title() string {
	if p.Name != "" {
		return p.Path + ":" + p.Name
	}
	return p.Path
}

// maxSplits bounds the pieces of one source.
const maxSplits = 1_000_000

// Splits implements nodes.Source: the files that the path comes to, by name, each
// plain one cut where a line begins, each archive into its members.
func (f *fileReader) Splits(ctx context.Context) ([]nodes.Split, error) {
	paths, pattern, err := f.match()
	if err != nil {
		return nil, err
	}
	var splits []nodes.Split
	for _, path := range paths {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		pieces, err := f.cut(path)
		if lost(err, pattern) {
			pieces, err = []piece{{Path: path, Lost: err.Error()}}, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if len(splits)+len(pieces) > maxSplits {
			return nil, nodes.Permanentf("%s comes to more than %d pieces", f.Path, maxSplits)
		}
		for _, p := range pieces {
			b, err := json.Marshal(p)
			if err != nil {
				return nil, err
			}
			splits = append(splits, b)
		}
	}
	return splits, nil
}

// lost reports whether a file with this fault is given up alone: its content is broken,
// or it is one of the files that a pattern found and can't be opened.
func lost(err error, pattern bool) bool {
	var content errContent
	var opening errOpen
	return errors.As(err, &content) || pattern && errors.As(err, &opening)
}

// Size implements nodes.Sized: a plain file's piece has as many bytes as were cut.
func (f *fileReader) Size(split nodes.Split) int64 {
	var p piece
	if json.Unmarshal(split, &p) != nil || p.Packed != packedPlain {
		return 0
	}
	return p.End - p.Start
}

func (f *fileReader) cut(path string) ([]piece, error) {
	file, err := f.open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	begin := make([]byte, headBytes)
	n, err := io.ReadFull(file, begin)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	pieces, err := f.cutBy(file, path, detect(begin[:n]))
	for i := range pieces {
		pieces[i].Head = headOf(begin[:n])
	}
	return pieces, err
}

// cutBy cuts a file that is packed in this way.
func (f *fileReader) cutBy(file nodes.File, path, packed string) ([]piece, error) {
	if packed == packedUTF16 && f.Format == formatText {
		packed = packedPlain // a whole file stays as it is
	}
	switch {
	case packed == packedZip:
		return zipPieces(file, path)
	case packed != packedPlain:
		return []piece{{Path: path, Packed: packed}}, nil
	}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if f.Format == formatText {
		return []piece{{Path: path, Packed: packed, End: info.Size()}}, nil
	}
	return rangePieces(file, path, info.Size(), f.SplitBytes)
}

func zipPieces(file nodes.File, path string) ([]piece, error) {
	members, err := zipMembers(file)
	if err != nil {
		return nil, err
	}
	var pieces []piece
	for i, m := range members {
		if !m.FileInfo().IsDir() {
			pieces = append(pieces, piece{Path: path, Packed: packedZip, Member: i, Name: m.Name})
		}
	}
	return pieces, nil
}

// rangePieces cuts size bytes into ranges of about step bytes that begin where a line
// begins.
func rangePieces(file io.ReaderAt, path string, size, step int64) ([]piece, error) {
	var pieces []piece
	for start := int64(0); start < size; {
		end := start + step
		if end >= size {
			end = size
		} else {
			// A line that ends right before end begins the next range, so look from the
			// byte before it.
			skipped, err := skipLine(io.NewSectionReader(file, end-1, size-end+1))
			if err != nil {
				return nil, err
			}
			end += skipped - 1
		}
		pieces = append(pieces, piece{Path: path, Packed: packedPlain, Start: start, End: end})
		start = end
	}
	return pieces, nil
}

// skipLine returns the number of bytes up to and with the next line end, or the end.
func skipLine(r io.Reader) (int64, error) {
	b := bufio.NewReader(r)
	var n int64
	for {
		part, err := b.ReadSlice('\n')
		n += int64(len(part))
		switch {
		case err == nil || errors.Is(err, io.EOF):
			return n, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return n, err
		}
	}
}
