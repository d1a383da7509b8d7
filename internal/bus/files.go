package bus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"sluice/recipe"
)

// FilesStream holds the files of a project: the chunks of their content, the manifest of each
// content under its digest, and what the sinks of a job say of the files that they made.
const (
	FilesStream = "SLUICE_FILES"
	filesPrefix = "sluicefiles."
	filesChunks = filesPrefix + "c."
	filesByName = filesPrefix + "m."
	filesMade   = filesPrefix + "j."
)

// FileChunk is the size of the pieces of a file, but for its last one: well under a message's
// bound, and what a sink keeps in its checkpoints until it is full.
const FileChunk = 256 << 10

// filesPatience bounds how long a request about a file is repeated while no answer comes: well
// above the time that a cluster of servers takes to elect a leader.
const filesPatience = 30 * time.Second

// FilePart says who wrote the chunks of a file from a number on, up to those of the next part:
// each writer has subjects of its own, so that one that is dead and does not know it harms
// nothing.
type FilePart struct {
	Chunks string `json:"chunks"` // what the chunks' subjects begin with; see UploadChunks and MadeChunks
	From   int    `json:"from"`   // number of the first one
}

// Manifest says what a file is and where its chunks are.
type Manifest struct {
	Size    int64      `json:"size"`
	SHA256  string     `json:"sha256"` // hex
	Parts   []FilePart `json:"parts,omitempty"`
	Touched uint64     `json:"touched,omitempty"` // counts its writes
	// Of a file that a sink made.
	Step     int       `json:"step,omitempty"`
	Node     string    `json:"node,omitempty"`
	Path     string    `json:"path,omitempty"`
	Created  time.Time `json:"created,omitzero"`
	Revision uint64    `json:"-"` // of the message that holds it
}

// Files reads and writes the files of the project that a connection belongs to.
type Files struct{ c *Conn }

// Files returns the connection's files. It asks the server nothing.
func (c *Conn) Files() *Files { return &Files{c} }

// UploadChunks names the chunks that one writer puts for an upload. Both are subject tokens.
func UploadChunks(upload, writer string) string { return "u." + upload + "." + writer }

// MadeChunks names the chunks that the reign with that epoch puts for the sink of a step.
func MadeChunks(job recipe.JobID, step int, epoch uint64) string {
	return fmt.Sprintf("o.%s.%d.%d", job, step, epoch)
}

// ChunksOf takes such a name apart: the upload, or the job.
func ChunksOf(chunks string) (upload string, job recipe.JobID) {
	kind, rest, _ := strings.Cut(chunks, ".")
	id, _, _ := strings.Cut(rest, ".")
	if kind == "u" {
		return id, ""
	}
	return "", recipe.JobID(id)
}

// PutChunk stores chunk k of a writer: FileChunk bytes, fewer only of a file's last one. Putting
// the same again is fine. It is repeated while no answer comes, until ctx ends and for
// filesPatience at most.
func (f *Files) PutChunk(ctx context.Context, chunks string, k int, data []byte) error {
	if len(data) == 0 || len(data) > FileChunk {
		return fmt.Errorf("a chunk of %d bytes, at most %d are allowed: %w", len(data), FileChunk, ErrTooLarge)
	}
	b := make([]byte, 4, 4+len(data))
	binary.LittleEndian.PutUint32(b, crc32.Checksum(data, castagnoli))
	_, err := f.put(ctx, filesChunks+chunks+"."+strconv.Itoa(k), append(b, data...), nil)
	return err
}

// put stores a message and returns its sequence.
func (f *Files) put(ctx context.Context, subject string, data []byte, after *uint64) (seq uint64, err error) {
	m := &nats.Msg{Subject: subject, Data: data, Header: nats.Header{hdrStream: {FilesStream}}}
	if after != nil {
		m.Header.Set(hdrSubjectSeq, strconv.FormatUint(*after, 10))
	}
	err = patiently(ctx, func() error {
		bounded, cancel := f.c.bound(ctx)
		defer cancel()
		answer, err := f.c.nc.RequestMsgWithContext(bounded, m)
		if noResponders(err) {
			return fmt.Errorf("%w: %w", ErrTimeout, ErrNoStream) // it may be that its leader is being elected
		}
		if err != nil {
			return wireError(err)
		}
		o := parseAck(answer.Data)
		seq = o.Seq
		return o.Err
	})
	return seq, err
}

// patiently repeats a request that can be repeated while no answer comes.
func patiently(ctx context.Context, request func() error) error {
	over := time.Now().Add(filesPatience)
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := request()
		if !errors.Is(err, ErrTimeout) || ctx.Err() != nil || time.Now().After(over) {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", err, ctx.Err())
		}
	}
}

// PurgeChunks removes all chunks of a writer.
func (f *Files) PurgeChunks(ctx context.Context, chunks string) error {
	return f.c.PurgeSubject(ctx, FilesStream, filesChunks+chunks+".*")
}

// Trim removes the chunks that the writers of a content have put and that are not part of it: a
// reign may have been ahead of its checkpoint. None of them may be at work.
func (f *Files) Trim(ctx context.Context, m *Manifest) error {
	if len(m.Parts) < 2 {
		return nil
	}
	for i, p := range m.Parts {
		end := int((m.Size + FileChunk - 1) / FileChunk)
		if i+1 < len(m.Parts) {
			end = m.Parts[i+1].From
		}
		subjects, err := f.c.SubjectCounts(ctx, FilesStream, filesChunks+p.Chunks+".*")
		if err != nil {
			return err
		}
		for s := range subjects {
			if k := LastNumber(s); k < uint64(p.From) || k >= uint64(end) {
				if err := f.c.PurgeSubject(ctx, FilesStream, s); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Whole reports whether all chunks of a content are stored. A manifest may be there without them:
// a server of one replica that was killed may bring back a message that was deleted before.
func (f *Files) Whole(ctx context.Context, m *Manifest) (bool, error) {
	for i, p := range m.Parts {
		end := int((m.Size + FileChunk - 1) / FileChunk)
		if i+1 < len(m.Parts) {
			end = m.Parts[i+1].From
		}
		subjects, err := f.c.SubjectCounts(ctx, FilesStream, filesChunks+p.Chunks+".*")
		if err != nil {
			return false, err
		}
		for k := p.From; k < end; k++ {
			if subjects[filesChunks+p.Chunks+"."+strconv.Itoa(k)] == 0 {
				return false, nil
			}
		}
	}
	return true, nil
}

// Writers returns the names of all chunks that are stored, as UploadChunks and MadeChunks make
// them, those of one job or, when job is "", all. The memory for it follows the number of chunks.
func (f *Files) Writers(ctx context.Context, job recipe.JobID) ([]string, error) {
	filter := filesChunks + ">"
	if job != "" {
		filter = filesChunks + "o." + string(job) + ".>"
	}
	subjects, err := f.c.SubjectCounts(ctx, FilesStream, filter)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var all []string
	for s := range subjects {
		chunks := s[len(filesChunks):strings.LastIndexByte(s, '.')]
		if !seen[chunks] {
			seen[chunks] = true
			all = append(all, chunks)
		}
	}
	return all, nil
}

// Manifest returns the manifest of the content with that digest as the stream's leader has it,
// ErrNotFound when there is none.
func (f *Files) Manifest(ctx context.Context, sha256 string) (*Manifest, error) {
	m, err := f.c.Latest(ctx, FilesStream, filesByName+sha256)
	if err != nil {
		return nil, err
	}
	return manifestOf(m)
}

func manifestOf(s *Stored) (*Manifest, error) {
	m := &Manifest{Revision: s.Seq}
	if err := DecodeRecord(s.Data, m); err != nil {
		return nil, fmt.Errorf("a file's manifest: %w: %w", ErrDigest, err)
	}
	if m.Size < 0 || m.Size > 0 && (len(m.Parts) == 0 || m.Parts[0].From != 0) {
		return nil, fmt.Errorf("a file's manifest: %w", ErrDigest)
	}
	return m, nil
}

// PutManifest writes the manifest of a content over the revision that m has, 0 for none;
// ErrConflict says that another one was written meanwhile. m gets its new revision.
func (f *Files) PutManifest(ctx context.Context, m *Manifest) error {
	m.Touched++
	data, err := EncodeRecord(m)
	if err != nil {
		return err
	}
	seq, err := f.put(ctx, filesByName+m.SHA256, data, &m.Revision)
	if errors.Is(err, ErrConflict) { // an answer may have been lost
		if now, rerr := f.c.Latest(ctx, FilesStream, filesByName+m.SHA256); rerr == nil && string(now.Data) == string(data) {
			seq, err = now.Seq, nil
		}
	}
	if err == nil {
		m.Revision = seq
	}
	return err
}

// DropManifest removes a manifest unless it was written again since it was read.
func (f *Files) DropManifest(ctx context.Context, m *Manifest) error {
	return f.c.DeleteSeq(ctx, FilesStream, m.Revision)
}

// Manifests calls fn with the manifest of every content, each as the stream's leader has it: one
// that was written before the call is not missed.
func (f *Files) Manifests(ctx context.Context, fn func(*Manifest) error) error {
	return f.manifests(ctx, filesByName+"*", fn)
}

func (f *Files) manifests(ctx context.Context, filter string, fn func(*Manifest) error) error {
	subjects, err := f.c.SubjectCounts(ctx, FilesStream, filter)
	if err != nil {
		return err
	}
	for subject := range subjects {
		s, err := f.c.Latest(ctx, FilesStream, subject)
		if errors.Is(err, ErrNotFound) {
			continue // removed meanwhile
		}
		if err != nil {
			return err
		}
		m, err := manifestOf(s)
		if err == nil {
			err = fn(m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// PutMade says that the sink of a step has made its file. The first one wins: another content
// is ErrExists.
func (f *Files) PutMade(ctx context.Context, job recipe.JobID, m *Manifest) error {
	data, err := EncodeRecord(m)
	if err != nil {
		return err
	}
	subject := filesMade + string(job) + "." + strconv.Itoa(m.Step)
	_, err = f.put(ctx, subject, data, new(uint64))
	if !errors.Is(err, ErrConflict) {
		return err
	}
	s, err := f.c.Latest(ctx, FilesStream, subject)
	if err != nil {
		return err
	}
	have, err := manifestOf(s)
	if err != nil {
		return err
	}
	if have.SHA256 != m.SHA256 || have.Size != m.Size {
		return fmt.Errorf("the file of node %s was finished before, with another content: %w", m.Node, ErrExists)
	}
	return nil
}

// Made returns what the sinks of a job have made, as the stream's leader knows it.
func (f *Files) Made(ctx context.Context, job recipe.JobID) (all []*Manifest, err error) {
	err = f.manifests(ctx, filesMade+string(job)+".*", func(m *Manifest) error {
		all = append(all, m)
		return nil
	})
	return all, err
}

// MadeBy returns the jobs of which Made has something.
func (f *Files) MadeBy(ctx context.Context) ([]recipe.JobID, error) {
	subjects, err := f.c.SubjectCounts(ctx, FilesStream, filesMade+">")
	seen := map[recipe.JobID]bool{}
	var all []recipe.JobID
	for s := range subjects {
		id, _, _ := strings.Cut(s[len(filesMade):], ".")
		if job := recipe.JobID(id); !seen[job] {
			seen[job] = true
			all = append(all, job)
		}
	}
	return all, err
}

// ForgetMade removes what the sinks of a job have said; their chunks stay.
func (f *Files) ForgetMade(ctx context.Context, job recipe.JobID) error {
	return f.c.PurgeSubject(ctx, FilesStream, filesMade+string(job)+".*")
}
