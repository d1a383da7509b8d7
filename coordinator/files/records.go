package files

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"

	"sluice/coordinator"
	"sluice/recipe"
)

// maxLine bounds a line of a sink's file, and so what Records holds in memory: the text form of
// the largest record.
const maxLine = 2 * recipe.MaxRecord

// Of returns the artifact that a step of a job has made. Before the job has succeeded, and of a
// step that makes no file, it is Unknown.
func (s *Store) Of(job recipe.JobID, step int) (coordinator.Artifact, error) {
	a, err := s.Artifact(made(job, step))
	if err != nil {
		return a, coordinator.Faultf(coordinator.Unknown, "job %s has no file of this node: files of sinks appear when their job has succeeded", job)
	}
	return a, nil
}

// Records writes the records of a file sink to w, a JSON value a line: strings, or with the
// format json_lines the values as they are. A line that is not UTF-8 is an object with its bytes
// in base64. A record that holds line ends is as many lines as the file has. The format text does
// not tell records apart: it is Conflict. It holds one line in memory, of at most maxLine bytes.
func (s *Store) Records(ctx context.Context, w io.Writer, job recipe.JobID, step *recipe.Step) error {
	var config struct {
		Format string `json:"format"`
	}
	if err := json.Unmarshal(step.Config, &config); err != nil {
		return coordinator.Faultf(coordinator.Conflict, "the settings of node %s do not say what it writes: %w", step.Node, err)
	}
	a, err := s.Of(job, step.ID)
	if err != nil {
		return err
	}
	from, err := s.Open(ctx, a)
	if err != nil {
		return err
	}
	defer from.Close()
	switch config.Format {
	case "", "lines":
		return lines(w, from)
	case "json_lines":
		_, err := io.Copy(w, from)
		return err
	}
	return coordinator.Faultf(coordinator.Conflict, "node %s writes records as %s, one behind the other: the file can be downloaded, its records can't be told apart", step.Node, config.Format)
}

// lines writes each line as a JSON value.
func lines(w io.Writer, from io.Reader) error {
	in, out := bufio.NewReaderSize(from, 64<<10), bufio.NewWriterSize(w, 64<<10)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	var long []byte
	for {
		part, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			if long = append(long, part...); len(long) > maxLine {
				return errors.Join(coordinator.Faultf(coordinator.TooLarge, "a line of the file has more than %d bytes: download it", maxLine), out.Flush())
			}
			continue
		}
		line := part
		if len(long) > 0 {
			long = append(long, part...)
			line = long
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return errors.Join(err, out.Flush())
		}
		if len(line) > 0 {
			if werr := encode(enc, line, err == nil); werr != nil {
				return werr
			}
		}
		if err != nil {
			return out.Flush()
		}
		long = long[:0]
	}
}

// encode writes a line, without its end where it has one.
func encode(enc *json.Encoder, line []byte, ended bool) error {
	if ended {
		line = line[:len(line)-1]
	}
	if utf8.Valid(line) {
		return enc.Encode(string(line))
	}
	return enc.Encode(struct {
		Base64 []byte `json:"base64"`
	}{line})
}
