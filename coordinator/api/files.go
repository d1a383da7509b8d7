package api

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sluice/coordinator"
	"sluice/coordinator/auth"
	"sluice/recipe"
)

// transferFor is how long one transfer may take: what is cut off goes on where it was.
const transferFor = 6 * time.Hour

type beginIn struct {
	Body struct {
		Name   string `json:"name" minLength:"1" maxLength:"200" doc:"Of the file, without folders."`
		Size   int64  `json:"size" minimum:"0" doc:"In bytes."`
		SHA256 string `json:"sha256,omitempty" pattern:"^[0-9a-f]{64}$" doc:"Of the content, where it is known: what is stored already need not be sent."`
	}
}

// Begun is an upload that has begun, or the artifact that is there already.
type begun struct {
	Upload   *coordinator.Upload   `json:"upload,omitempty"`
	Artifact *coordinator.Artifact `json:"artifact,omitempty" doc:"The content is stored already: nothing is to be sent."`
	Ref      string                `json:"ref,omitempty" doc:"What a recipe has in the place of a path to read it."`
}

type beginOut struct {
	Status int
	Body   begun
}

// FilePath names an upload or an artifact in a path. It is exported for the framework, which sees no other embedded fields.
type FilePath struct {
	ID string `path:"id" pattern:"^[A-Za-z0-9._-]{1,120}$"`
}

type appendIn struct {
	FilePath
	Offset int64 `header:"Upload-Offset" required:"true" minimum:"0" doc:"Where the bytes sent go on; as the upload has it."`
}

type uploadOut struct{ Body coordinator.Upload }

type artifactsIn struct {
	Job   recipe.JobID `query:"job" maxLength:"64" doc:"Only what this job has made."`
	After string       `query:"after" maxLength:"128"`
	Limit int          `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type artifactsOut struct {
	Body struct {
		Artifacts []artifactRef `json:"artifacts"`
		Next      string        `json:"next,omitempty"`
	}
}

type artifactRef struct {
	coordinator.Artifact
	Ref string `json:"ref" doc:"What a recipe has in the place of a path to read it."`
}

type artifactOut struct {
	Tag  string `header:"ETag"`
	Body artifactRef
}

func shown(a coordinator.Artifact) *artifactOut { return &artifactOut{strong(a.Revision), withRef(a)} }

type showFileIn struct {
	FilePath
	Asked
}

// downloadIn is what a download may say: who serves the file reads the headers itself.
type downloadIn struct {
	FilePath
	Asked
	Meant
	Range   string `header:"Range" doc:"The bytes that are wanted, as bytes=FIRST-LAST."`
	IfRange string `header:"If-Range" doc:"The ETag that the part belongs to: the whole file is sent where it is another."`
}

// contentPath is where the bytes of an artifact are.
const contentPath = "/v1/artifacts/{id}/content"

type deleteFileIn struct {
	FilePath
	Meant
}

func withRef(a coordinator.Artifact) artifactRef { return artifactRef{a, a.Ref()} }

func (s *server) files() {
	tags := []string{"files"}
	long := map[string]any{metaWait: transferFor}
	route(s, huma.Operation{OperationID: "create-upload", Method: http.MethodPost, Path: "/v1/uploads", Summary: "Begin to upload a file", Tags: tags, DefaultStatus: http.StatusCreated}, s.begin)
	route(s, huma.Operation{OperationID: "show-upload", Method: http.MethodGet, Path: "/v1/uploads/{id}", Summary: "Show how far an upload is", Tags: tags},
		func(ctx context.Context, p *Project, in *FilePath) (*uploadOut, error) {
			u, err := p.Files.Upload(ctx, in.ID)
			return &uploadOut{u}, err
		})
	route(s, huma.Operation{OperationID: "append-upload", Method: http.MethodPatch, Path: "/v1/uploads/{id}", Summary: "Send bytes of a file", Tags: tags, Metadata: long,
		RequestBody: &huma.RequestBody{Content: binary(), Required: true}, Responses: s.appended()}, s.appendTo)
	route(s, huma.Operation{OperationID: "finish-upload", Method: http.MethodPost, Path: "/v1/uploads/{id}/finish", Summary: "Make an upload an artifact", Tags: tags, DefaultStatus: http.StatusCreated},
		func(ctx context.Context, p *Project, in *FilePath) (*artifactOut, error) {
			a, err := p.Files.Finish(ctx, in.ID)
			return shown(a), err
		})
	route(s, huma.Operation{OperationID: "delete-upload", Method: http.MethodDelete, Path: "/v1/uploads/{id}", Summary: "Give an upload up", Tags: tags, DefaultStatus: http.StatusNoContent},
		func(ctx context.Context, p *Project, in *FilePath) (*struct{}, error) {
			return nil, p.Files.Abort(ctx, in.ID)
		})
	route(s, huma.Operation{OperationID: "list-artifacts", Method: http.MethodGet, Path: "/v1/artifacts", Summary: "List artifacts", Tags: tags},
		func(_ context.Context, p *Project, in *artifactsIn) (*artifactsOut, error) {
			out := &artifactsOut{}
			page, next := p.Files.List(in.Job, in.After, in.Limit)
			out.Body.Artifacts, out.Body.Next = []artifactRef{}, next
			for _, a := range page {
				out.Body.Artifacts = append(out.Body.Artifacts, withRef(a))
			}
			return out, nil
		})
	route(s, huma.Operation{OperationID: "show-artifact", Method: http.MethodGet, Path: "/v1/artifacts/{id}", Summary: "Show an artifact", Tags: tags},
		func(_ context.Context, p *Project, in *showFileIn) (*artifactOut, error) {
			a, err := p.Files.Artifact(in.ID)
			if err != nil {
				return nil, err
			}
			return shown(a), in.fresh(strong(a.Revision))
		})
	route(s, huma.Operation{OperationID: "download-artifact", Method: http.MethodGet, Path: contentPath, Summary: "Download an artifact, whole or in ranges", Tags: tags, Metadata: long,
		Responses: downloaded()}, s.download)
	route(s, huma.Operation{OperationID: "delete-artifact", Method: http.MethodDelete, Path: "/v1/artifacts/{id}", Summary: "Delete an artifact", Tags: tags, DefaultStatus: http.StatusNoContent},
		func(ctx context.Context, p *Project, in *deleteFileIn) (*struct{}, error) {
			a, err := p.Files.Artifact(in.ID)
			if err == nil {
				err = auth.May(who(ctx), "delete-artifact", a.Owner)
			}
			if err == nil {
				err = in.check("artifact "+a.ID, strong(a.Revision))
			}
			if err == nil {
				err = p.Files.Delete(ctx, a.ID, a.Revision)
			}
			return nil, err
		})
}

func (s *server) begin(ctx context.Context, p *Project, in *beginIn) (*beginOut, error) {
	u, there, err := p.Files.Begin(ctx, coordinator.Upload{Name: in.Body.Name, Size: in.Body.Size, SHA256: in.Body.SHA256, Owner: who(ctx).Name})
	switch {
	case err != nil:
		return nil, err
	case there != nil:
		made(ctx, there.ID)
		return &beginOut{http.StatusOK, begun{Artifact: there, Ref: there.Ref()}}, nil
	}
	made(ctx, u.ID)
	return &beginOut{http.StatusCreated, begun{Upload: &u}}, nil
}

// appendTo stores what a request brings while it comes: the framework would read it whole.
func (s *server) appendTo(ctx context.Context, p *Project, in *appendIn) (*huma.StreamResponse, error) {
	return &huma.StreamResponse{Body: func(h huma.Context) {
		r, w := streamed(ctx, h)
		u, err := p.Files.Append(ctx, in.ID, in.Offset, r.Body)
		if err != nil {
			s.writeProblem(w, r, s.problemOf(ctx, err))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Upload-Offset", strconv.FormatInt(u.Offset, 10))
		_ = json.NewEncoder(w).Encode(u) // the caller is gone
	}}, nil
}

func (s *server) download(ctx context.Context, p *Project, in *downloadIn) (*huma.StreamResponse, error) {
	a, err := p.Files.Artifact(in.ID)
	if err != nil {
		return nil, err
	}
	f, err := p.Files.Open(ctx, a)
	if err != nil {
		return nil, err
	}
	digest, err := hex.DecodeString(a.SHA256)
	if err != nil {
		return nil, fmt.Errorf("artifact %s: %w", a.ID, err)
	}
	return &huma.StreamResponse{Body: func(h huma.Context) {
		defer f.Close()
		r, w := streamed(ctx, h)
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": a.Name}))
		w.Header().Set("ETag", strconv.Quote(a.SHA256))
		w.Header().Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(digest)+":")
		content := &content{ReadSeeker: f}
		http.ServeContent(&problemsOnly{ResponseWriter: w, s: s, r: r}, r, "", a.Created, content)
		if content.err == nil {
			return
		}
		log := s.log.With("request", requestID(ctx), "artifact", a.ID, "sha256", a.SHA256, "err", content.err)
		switch stands, err := p.Files.Stands(ctx, &a); {
		case ctx.Err() != nil:
		case err == nil && !stands:
			log.Info("a download broke off: its artifact was deleted meanwhile")
		default:
			log.Error("a download broke off")
		}
		panic(http.ErrAbortHandler) // the reader must not take it for whole
	}}, nil
}

// content keeps what went wrong while a file was read: who serves it does not tell.
type content struct {
	io.ReadSeeker
	err error
}

// Read implements io.Reader.
func (c *content) Read(b []byte) (int, error) {
	n, err := c.ReadSeeker.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

// problemsOnly answers with a problem where the one who serves a file would with plain text.
type problemsOnly struct {
	http.ResponseWriter
	s       *server
	r       *http.Request
	refused bool
}

// WriteHeader implements http.ResponseWriter.
func (p *problemsOnly) WriteHeader(status int) {
	if status < http.StatusBadRequest {
		p.ResponseWriter.WriteHeader(status)
		return
	}
	p.refused = true
	no := &Problem{Status: status, Code: coordinator.Invalid, Detail: "the file has no such range", Hint: "Content-Range says how long it is"}
	if status == http.StatusPreconditionFailed {
		no = &Problem{Status: status, Code: coordinator.Changed, Detail: "the file is not the one that is meant"}
	}
	p.s.writeProblem(p.ResponseWriter, p.r, no)
}

// Write implements http.ResponseWriter.
func (p *problemsOnly) Write(b []byte) (int, error) {
	if p.refused {
		return len(b), nil
	}
	return p.ResponseWriter.Write(b)
}
