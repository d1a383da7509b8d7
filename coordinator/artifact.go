package coordinator

import (
	"crypto/sha256"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"sluice/recipe"
)

// Artifact is a file that a project keeps: one that was uploaded, or that a sink of a job has
// made. Artifacts of the same content share it: who uploads what another one has, has it too.
type Artifact struct {
	ID       string       `json:"id"`
	SHA256   string       `json:"sha256"` // of the content, in hex
	Name     string       `json:"name"`   // of the file, without folders
	Size     int64        `json:"size"`   // bytes
	Owner    string       `json:"owner,omitempty"`
	Job      recipe.JobID `json:"job,omitempty"`  // that has made it; "" for an upload
	Node     string       `json:"node,omitempty"` // the sink
	Path     string       `json:"path,omitempty"` // as the recipe has it
	Created  time.Time    `json:"created"`
	Revision uint64       `json:"-"`
}

// Ref is what a recipe has in the place of a path to read the artifact. The name in it is for
// people, and for its ending: what would make a pattern of it is left out.
func (a *Artifact) Ref() string {
	return fmt.Sprintf("%s%s/%s", artifactScheme, a.SHA256, strings.NewReplacer("*", "_", "?", "_", "[", "_").Replace(a.Name))
}

// artifactScheme is what the name of an artifact in a recipe begins with; the digest follows.
const artifactScheme = "artifact:"

// ArtifactsIn returns the digests of the artifacts that a text names, a recipe or a node's
// settings, sorted and each once.
func ArtifactsIn(text string) []string {
	var all []string
	for {
		at := strings.Index(text, artifactScheme)
		if at < 0 {
			break
		}
		text = text[at+len(artifactScheme):]
		if d := text[:min(len(text), 2*sha256.Size)]; IsDigest(d) {
			all = append(all, d)
			text = text[len(d):]
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// IsDigest reports whether a text is a SHA-256 as artifacts have it: in lower-case hex.
func IsDigest(text string) bool {
	return len(text) == 2*sha256.Size && strings.Trim(text, "0123456789abcdef") == ""
}

// ArtifactsOf returns the digests of the artifacts that the steps of a plan name; nil has none.
func ArtifactsOf(plan *recipe.Plan) (digests []string) {
	for i := 0; plan != nil && i < len(plan.Steps); i++ {
		digests = append(digests, ArtifactsIn(string(plan.Steps[i].Config))...)
	}
	return digests
}

// Upload is a file on its way to become an artifact.
type Upload struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Size    int64     `json:"size"`             // bytes; said when it began
	SHA256  string    `json:"sha256,omitempty"` // hex, where it was said when it began
	Offset  int64     `json:"offset"`           // bytes that are stored: where to go on
	Owner   string    `json:"owner,omitempty"`
	Created time.Time `json:"created"`
	Touched time.Time `json:"touched"` // when bytes were stored last; it expires some time behind that
}

// FileUse is what the artifacts of a project take, with what was said of uploads on their way.
type FileUse struct {
	Number int   `json:"number"`
	Bytes  int64 `json:"bytes"` // shared content counts once
}

// FileLimits bound the artifacts of a project. 0 is the default of each.
type FileLimits struct {
	Size   int64 `json:"size"`   // bytes of one; default DefaultFileSize
	Number int   `json:"number"` // default DefaultFileNumber
	Bytes  int64 `json:"bytes"`  // of all; default DefaultFileBytes
}

// Defaults of FileLimits.
const (
	DefaultFileSize   = recipe.MaxFile
	DefaultFileNumber = 10_000
	DefaultFileBytes  = 100 << 30
)

// maxFileName bounds the name of an artifact, in bytes.
const maxFileName = 200

// FileName returns the name of an artifact from a path: its last part. One that no file could
// have is Invalid.
func FileName(file string) (string, error) {
	name := path.Base(strings.ReplaceAll(file, `\`, "/"))
	bad := func(r rune) bool { return r < ' ' || r == 0x7f }
	if file == "" || name == "." || name == ".." || name == "/" || len(name) > maxFileName || !utf8.ValidString(name) || strings.ContainsFunc(name, bad) {
		return "", Faultf(Invalid, "%.60q is no name of a file: one of at most %d bytes is wanted, in UTF-8 and without control characters", name, maxFileName)
	}
	return name, nil
}
