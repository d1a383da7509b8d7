package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"sluice/client"
	"sluice/internal/progress"
	"sluice/recipe"
)

type resultsCmd struct {
	jobArg
	Node string `placeholder:"NODE" help:"The sink; may be left out where the job has one."`
}

// Run prints the records of a sink, one JSON value a line.
func (c resultsCmd) Run(ctx context.Context, std streams) error {
	r, id, err := c.find()
	if err != nil {
		return err
	}
	return told(r.Results(ctx, id, c.Node, std.out))
}

type artifactsCmd struct {
	List     artifactsListCmd     `cmd:"" default:"withargs" help:"List artifacts: files that jobs have made, or that were uploaded."`
	Download artifactsDownloadCmd `cmd:"" help:"Download the files that a job has made."`
	Upload   artifactsUploadCmd   `cmd:"" help:"Upload files, and print how recipes name them."`
}

type artifactsListCmd struct {
	remoteFlags
	outputFlags
	Job string `placeholder:"JOB" help:"Only what this job has made; @last is the one that was submitted last."`
}

// Run lists artifacts.
func (c artifactsListCmd) Run(ctx context.Context, std streams) error {
	r, err := c.open()
	if err != nil {
		return err
	}
	id, err := r.job(c.Job)
	if err != nil {
		return err
	}
	all, err := artifactsOf(ctx, r, id)
	if err != nil {
		return told(err)
	}
	return c.print(std.out, all, func(w io.Writer) {
		row(w, "ID", "NAME", "SIZE", "JOB", "NODE", "CREATED")
		for _, a := range all {
			row(w, a.ID, a.Name, progress.Size(a.Size), a.Job, a.Node, a.Created.Local().Format(time.DateTime))
		}
	})
}

func artifactsOf(ctx context.Context, r *remote, id recipe.JobID) ([]client.Artifact, error) {
	all := []client.Artifact{}
	for after := ""; ; {
		page, next, err := r.Artifacts(ctx, id, after)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if after = next; after == "" {
			return all, nil
		}
	}
}

type artifactsDownloadCmd struct {
	jobArg
	To string `type:"path" default:"." placeholder:"DIR" help:"Folder to write them to, under the paths that the recipe has."`
}

// Run downloads the files of a job.
func (c artifactsDownloadCmd) Run(ctx context.Context, std streams) error {
	r, id, err := c.find()
	if err != nil {
		return err
	}
	all, err := artifactsOf(ctx, r, id)
	if err != nil {
		return told(err)
	}
	if err := os.MkdirAll(c.To, 0o755); err != nil {
		return usagef("--to: %w", err)
	}
	root, err := os.OpenRoot(c.To)
	if err != nil {
		return usagef("--to: %w", err)
	}
	defer root.Close()
	for i := range all {
		if err := download(ctx, r, root, &all[i]); err != nil {
			return told(err)
		}
		fmt.Fprintln(std.out, filepath.Join(c.To, filepath.FromSlash(all[i].Path)))
	}
	return nil
}

// download writes an artifact beside its place first, so that a file is there whole or not at
// all.
func download(ctx context.Context, r *remote, root *os.Root, a *client.Artifact) error {
	path := filepath.FromSlash(a.Path)
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

type artifactsUploadCmd struct {
	remoteFlags
	Files []string `arg:"" help:"The files."`
}

// Run uploads files.
func (c artifactsUploadCmd) Run(ctx context.Context, std streams) error {
	r, err := c.open()
	if err != nil {
		return err
	}
	for _, file := range c.Files {
		a, err := r.Upload(ctx, file)
		if err != nil {
			return told(err)
		}
		fmt.Fprintln(std.out, a.Ref)
	}
	return nil
}
