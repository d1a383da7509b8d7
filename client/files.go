package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"sluice/coordinator"
	"sluice/recipe"
)

// Artifact is a file that a project keeps, and what a recipe has in the place of a path to read
// it.
type Artifact struct {
	coordinator.Artifact
	Ref string `json:"ref"`
}

// uploadAgain is how often an upload that is cut off is gone on with, without any progress.
const uploadAgain = 5

// Upload makes an artifact of a local file. Content that is stored already is not sent; an upload
// that is cut off goes on where it was, also one that another process of the user has left.
func (c *Client) Upload(ctx context.Context, path string) (a Artifact, err error) {
	f, err := os.Open(path)
	if err != nil {
		return a, err
	}
	defer f.Close()
	h := sha256.New()
	size, err := io.Copy(h, f)
	if err != nil {
		return a, fmt.Errorf("read %s: %w", path, err)
	}
	digest := hex.EncodeToString(h.Sum(nil))
	for again := false; ; again = true {
		a, err = c.upload(ctx, f, map[string]any{"name": filepath.Base(path), "size": size, "sha256": digest})
		// Another process of the same user may be at the same upload, and have finished it.
		if again || coordinator.FamilyOf(err) != coordinator.Unknown {
			return a, err
		}
	}
}

// upload begins an upload, or goes on with the one that is unfinished, and finishes it.
func (c *Client) upload(ctx context.Context, f *os.File, in map[string]any) (a Artifact, err error) {
	var begun struct {
		Upload   *coordinator.Upload   `json:"upload"`
		Artifact *coordinator.Artifact `json:"artifact"`
	}
	short, cancel := within(ctx, wait)
	err = c.do(short, call{method: http.MethodPost, path: "v1/uploads", out: &begun, in: in})
	cancel()
	switch {
	case err != nil:
		return a, err
	case begun.Artifact != nil:
		return Artifact{*begun.Artifact, begun.Artifact.Ref()}, nil
	case begun.Upload == nil:
		return a, errors.New("upload: the coordinator's answer has neither an upload nor an artifact")
	}
	if err := c.send(ctx, f, begun.Upload); err != nil {
		return a, err
	}
	ctx, cancel = within(ctx, time.Minute)
	defer cancel()
	return a, c.do(ctx, call{method: http.MethodPost, path: "v1/uploads/" + url.PathEscape(begun.Upload.ID) + "/finish", out: &a})
}

// send sends a file from where its upload is, until all is there.
func (c *Client) send(ctx context.Context, f *os.File, u *coordinator.Upload) error {
	path := "v1/uploads/" + url.PathEscape(u.ID)
	for tries := 0; u.Offset < u.Size; {
		before := u.Offset
		rest := io.NewSectionReader(f, u.Offset, u.Size-u.Offset)
		err := c.do(ctx, call{method: http.MethodPatch, path: path, body: rest, header: http.Header{"Upload-Offset": {strconv.FormatInt(u.Offset, 10)}}, out: u})
		if err != nil {
			if family := coordinator.FamilyOf(err); ctx.Err() != nil || family != coordinator.Unavailable && family != coordinator.Changed && family != "" {
				return err
			}
			if tries++; tries > uploadAgain {
				return err
			}
			select {
			case <-time.After(againFirst << tries):
			case <-ctx.Done():
				return ctx.Err()
			}
			short, cancel := within(ctx, wait)
			err := c.do(short, call{method: http.MethodGet, path: path, out: u})
			cancel()
			if err != nil && coordinator.FamilyOf(err) != coordinator.Unavailable {
				return err
			}
		}
		if u.Offset > before {
			tries = 0
		}
	}
	return nil
}

// Artifacts returns a page of the artifacts of a job, or of all with "".
func (c *Client) Artifacts(ctx context.Context, job recipe.JobID, after string) (page []Artifact, next string, err error) {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	q := url.Values{}
	if job != "" {
		q.Set("job", string(job))
	}
	if after != "" {
		q.Set("after", after)
	}
	var out struct {
		Artifacts []Artifact `json:"artifacts"`
		Next      string     `json:"next"`
	}
	err = c.do(ctx, call{method: http.MethodGet, path: "v1/artifacts", query: q, out: &out})
	return out.Artifacts, out.Next, err
}

// Artifact returns the artifact of an id.
func (c *Client) Artifact(ctx context.Context, id string) (a Artifact, err error) {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	return a, c.do(ctx, call{method: http.MethodGet, path: "v1/artifacts/" + url.PathEscape(id), out: &a})
}

// DeleteArtifact deletes an artifact that nothing reads.
func (c *Client) DeleteArtifact(ctx context.Context, id string) error {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	return c.do(ctx, call{method: http.MethodDelete, path: "v1/artifacts/" + url.PathEscape(id)})
}

// Download writes an artifact to w and checks its digest.
func (c *Client) Download(ctx context.Context, a *coordinator.Artifact, w io.Writer) error {
	h := sha256.New()
	if err := c.copy(ctx, call{method: http.MethodGet, path: "v1/artifacts/" + url.PathEscape(a.ID) + "/content"}, "artifact "+a.ID, io.MultiWriter(w, h)); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != a.SHA256 {
		return fmt.Errorf("artifact %s: what came has another digest than what is stored: %s", a.ID, got)
	}
	return nil
}

// Results writes the records of a job's sink to w as NDJSON; node may be "" where the job has
// one.
func (c *Client) Results(ctx context.Context, id recipe.JobID, node string, w io.Writer) error {
	q := url.Values{}
	if node != "" {
		q.Set("node", node)
	}
	return c.copy(ctx, call{method: http.MethodGet, path: "v1/jobs/" + url.PathEscape(string(id)) + "/results", query: q}, "the results of job "+string(id), w)
}

// copy writes an answer to w; what says what it is. An answer that breaks off is
// coordinator.Unavailable: a part of it is written.
func (c *Client) copy(ctx context.Context, k call, what string, w io.Writer) error {
	resp, err := c.ask(ctx, k)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	in := &reading{from: resp.Body}
	n, err := io.Copy(w, in)
	if in.err == nil || ctx.Err() != nil {
		return err
	}
	f := coordinator.Faultf(coordinator.Unavailable, "%s broke off after %d bytes, which are not all: %w", what, n, in.err)
	f.Hint = "ask again; the coordinator's log says more"
	return f
}

// reading keeps what went wrong on the side of the one who sends.
type reading struct {
	from io.Reader
	err  error
}

// Read implements io.Reader.
func (r *reading) Read(b []byte) (int, error) {
	n, err := r.from.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}
