package nodes

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strings"
)

// File is a file that a node reads: an *os.File, or an artifact of the project.
type File interface {
	io.Reader
	io.ReaderAt
	io.Seeker
	io.Closer
	Stat() (fs.FileInfo, error)
}

// Output is the file of a sink in a place that is no folder: bytes follow each other, and the
// sink's state says how far they are. An instance is used by one goroutine at a time.
type Output interface {
	// Append takes the next bytes of the file. After an error it is called again with bytes that
	// begin with the same: what it has taken of them it leaves out.
	Append(ctx context.Context, b []byte) error
	// AppendState appends what a later instance goes on from: the whole, or what changed since
	// the last call.
	AppendState(b []byte, whole bool) []byte
	// Restore takes over what AppendState wrote: a whole, or no bytes for an empty file, and then
	// each change.
	Restore(state []byte) error
	// Seal makes the file appear. It may be called again, also on a restored instance.
	Seal(ctx context.Context) error
}

// artifactScheme is what the path of an artifact begins with; its digest and its name follow.
const artifactScheme = "artifact:"

var artifactForm = regexp.MustCompile(`^artifact:([0-9a-f]{64})/([^/]+)$`)

// IsArtifact reports whether a path names an artifact. A file that is called so is ./artifact:….
func IsArtifact(path string) bool { return strings.HasPrefix(path, artifactScheme) }

// ParseArtifact takes the path of an artifact apart: the SHA-256 of the content, in hex, and a
// name, which keeps the ending and is for people. A pattern is refused: artifacts have no folders
// that could be searched.
func ParseArtifact(path string) (sha256, name string, err error) {
	if strings.ContainsAny(path, "*?[") {
		return "", "", Permanentf("path %s: artifacts can't be found by a pattern; name each one as artifact:SHA256/NAME", path)
	}
	parts := artifactForm.FindStringSubmatch(path)
	if parts == nil {
		return "", "", Permanentf("path %s: an artifact is named as artifact:SHA256/NAME, with 64 digits in lower-case hex", path)
	}
	return parts[1], parts[2], nil
}

// OpenArtifact opens the artifact that a path names. Errors do not name the path but where that
// is the fault.
func (e *Env) OpenArtifact(path string) (File, error) {
	sha256, name, err := ParseArtifact(path)
	if err != nil {
		return nil, err
	}
	if e.Artifact == nil {
		return nil, Permanentf("this worker reads no artifacts: they are those of a cluster")
	}
	return e.Artifact(sha256, name)
}

// openArtifact is OpenArtifact with errors that name the path.
func (e *Env) openArtifact(path string) (File, error) {
	f, err := e.OpenArtifact(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}
