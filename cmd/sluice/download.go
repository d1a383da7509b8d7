package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sluice/client"
)

type artifactsDownloadCmd struct {
	remoteFlags
	What  []string `arg:"" name:"job|id" help:"A job, whose files are all meant (@last is the one that was submitted last), or ids of artifacts, as the list shows them."`
	To    string   `type:"path" default:"." placeholder:"DIR" help:"Folder to write them to, below it under the paths that the recipe has; without it the current folder."`
	Force bool     `help:"Replace files that are there with other content; without it nothing is downloaded then."`
}

// Run downloads the files of a job, or single ones.
func (c artifactsDownloadCmd) Run(ctx context.Context, std streams) error {
	r, err := c.open()
	if err != nil {
		return err
	}
	all, err := c.meant(ctx, r, std)
	if err != nil || len(all) == 0 {
		return err
	}
	if err := os.MkdirAll(c.To, 0o755); err != nil {
		return usagef("--to: %w", err)
	}
	root, err := os.OpenRoot(c.To)
	if err != nil {
		return usagef("--to: %w", err)
	}
	defer root.Close()
	there := make([]bool, len(all))
	for i := range all {
		if there[i], err = c.there(root, &all[i]); err != nil {
			return err
		}
	}
	for i := range all {
		if !there[i] {
			if err := download(ctx, r, root, &all[i]); err != nil {
				return told(err)
			}
		}
		fmt.Fprintln(std.out, filepath.Join(c.To, placeOf(&all[i])))
	}
	return nil
}

// meant are the artifacts that the command line names.
func (c *artifactsDownloadCmd) meant(ctx context.Context, r *remote, std streams) (all []client.Artifact, err error) {
	for _, what := range c.What {
		if strings.ContainsAny(what, artifactMark) {
			a, err := r.Artifact(ctx, what)
			if err != nil {
				return nil, told(err)
			}
			all = append(all, a)
			continue
		}
		id, err := r.job(what)
		if err != nil {
			return nil, err
		}
		if _, err := r.Client.Job(ctx, id); err != nil {
			return nil, told(err)
		}
		of, err := artifactsOf(ctx, r, id)
		if err != nil {
			return nil, told(err)
		}
		if len(of) == 0 {
			fmt.Fprintf(std.err, "job %s has made no files\n", id)
		}
		all = append(all, of...)
	}
	return all, nil
}

// artifactMark is in every id of an artifact, and in none of a job.
const artifactMark = "."

// placeOf is where an artifact is written below the folder. One that was uploaded has no path.
func placeOf(a *client.Artifact) string { return filepath.FromSlash(cmp.Or(a.Path, a.Name)) }

// there reports whether an artifact lies where it is to be, and refuses what lies there instead.
func (c *artifactsDownloadCmd) there(root *os.Root, a *client.Artifact) (bool, error) {
	f, err := root.Open(placeOf(a))
	switch {
	case errors.Is(err, fs.ErrNotExist), err != nil && c.Force:
		return false, nil
	case err != nil:
		return false, usagef("--to: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err == nil && hex.EncodeToString(h.Sum(nil)) == a.SHA256 {
		return true, nil
	}
	if c.Force {
		return false, nil
	}
	return false, usagef("%s is there already, with other content: --force replaces it, --to DIR writes elsewhere", filepath.Join(c.To, placeOf(a)))
}

// download writes an artifact beside its place first, so that a file is there whole or not at
// all.
func download(ctx context.Context, r *remote, root *os.Root, a *client.Artifact) error {
	path := placeOf(a)
	if err := root.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	part := path + ".part"
	f, err := root.Create(part)
	if err != nil {
		return err
	}
	err = r.Download(ctx, &a.Artifact, f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		return root.Rename(part, path)
	}
	_ = root.Remove(part)
	return err
}
