package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"sluice/client"
	"sluice/internal/progress"
	"sluice/recipe"
)

type artifactsCmd struct {
	List     artifactsListCmd     `cmd:"" default:"withargs" help:"List artifacts: files that jobs have made, or that were uploaded."`
	Show     artifactsShowCmd     `cmd:"" help:"Show an artifact."`
	Download artifactsDownloadCmd `cmd:"" help:"Download the files that a job has made, or single ones."`
	Upload   artifactsUploadCmd   `cmd:"" help:"Upload files, and print how recipes name them."`
	Delete   artifactsDeleteCmd   `cmd:"" help:"Delete artifacts."`
}

type artifactsListCmd struct {
	remoteFlags
	outputFlags
	Of  string `arg:"" optional:"" name:"job" help:"Only what this job has made; @last is the one that was submitted last."`
	Job string `placeholder:"JOB" help:"The same."`
}

// Run lists artifacts.
func (c artifactsListCmd) Run(ctx context.Context, std streams) error {
	if c.Of != "" && c.Job != "" {
		return usagef("%s and --job %s are given; one of them is meant", c.Of, c.Job)
	}
	r, err := c.open()
	if err != nil {
		return err
	}
	id, err := r.job(first(c.Of, c.Job))
	if err != nil {
		return err
	}
	all, err := artifactsOf(ctx, r, id)
	if err == nil && id != "" && len(all) == 0 { // of none that there is, perhaps
		_, err = r.Client.Job(ctx, id)
	}
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

type artifactsShowCmd struct {
	remoteFlags
	outputFlags
	ID string `arg:"" name:"id" help:"The artifact, as the list shows it."`
}

// Run shows an artifact.
func (c artifactsShowCmd) Run(ctx context.Context, std streams) error {
	r, err := c.open()
	if err != nil {
		return err
	}
	a, err := r.Artifact(ctx, c.ID)
	if err != nil {
		return told(err)
	}
	return c.print(std.out, a, func(w io.Writer) {
		row(w, "id", a.ID)
		row(w, "name", a.Name)
		row(w, "size", progress.Size(a.Size))
		row(w, "sha256", a.SHA256)
		row(w, "created", a.Created.Local().Format(time.DateTime))
		row(w, "owner", a.Owner)
		if a.Job != "" {
			row(w, "made by", fmt.Sprintf("%s of job %s, as %s", a.Node, a.Job, a.Path))
		}
		row(w, "in recipes", a.Ref)
	})
}

type artifactsDeleteCmd struct {
	remoteFlags
	IDs []string `arg:"" name:"id" help:"The artifacts, as the list shows them."`
}

// Run deletes artifacts.
func (c artifactsDeleteCmd) Run(ctx context.Context, std streams) error {
	r, err := c.open()
	if err != nil {
		return err
	}
	for _, id := range c.IDs {
		if err := r.DeleteArtifact(ctx, id); err != nil {
			return told(err)
		}
		fmt.Fprintf(std.err, "artifact %s is deleted\n", id)
	}
	return nil
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
