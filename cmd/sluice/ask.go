package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sluice/coordinator"
	"sluice/recipe"
)

// askFlags say whether a cluster is asked what else is answered here. The environment alone does
// not make it so: it says which one.
type askFlags struct {
	Remote  bool   `help:"Ask the current cluster: saved recipes and the kinds of its workers are known there."`
	Context string `placeholder:"NAME" help:"Ask this cluster."`
	Server  string `placeholder:"URL" help:"Ask this coordinator; SLUICE_KEY has the key."`
}

func (a *askFlags) asks() bool { return a.Remote || a.Context != "" || a.Server != "" }

func (a *askFlags) open() (*remote, error) {
	f := remoteFlags{Context: a.Context, Server: a.Server}
	if a.Context == "" {
		f.Context, f.Server = os.Getenv("SLUICE_CONTEXT"), cmp.Or(a.Server, os.Getenv("SLUICE_SERVER"))
	}
	return f.open()
}

// toAsk is a recipe in the form that a cluster is asked about it.
func toAsk(file string, params map[string]string, std streams) (d coordinator.Document, name string, err error) {
	d = coordinator.Document{File: file, Params: coordinator.Values{}}
	if d.Source, d.Files, name, err = withIncluded(file, std.in); err != nil {
		return d, name, err
	}
	for param, value := range params {
		if along, is := strings.CutPrefix(value, "@"); is { // what its upload would be called
			value = fmt.Sprintf("artifact:%064d/%s", 0, filepath.Base(along))
		}
		d.Params[param] = value
	}
	return d, name, nil
}

// checkThere finds the faults of a recipe in a cluster. They come back as recipe.Diagnostics.
func checkThere(ctx context.Context, r *remote, file string, params map[string]string, std streams) (string, error) {
	d, name, err := toAsk(file, params, std)
	if err != nil {
		return "", err
	}
	found, err := r.CheckRecipe(ctx, d)
	switch {
	case err != nil:
		return "", told(err)
	case len(found.Diagnostics) > 0:
		return "", found.Diagnostics
	case len(params) > 0:
		if _, err := r.PlanRecipe(ctx, d); err != nil {
			return "", told(err)
		}
	}
	return fmt.Sprintf("%s: %d steps, %d edges", name, found.Steps, found.Edges), nil
}

// planThere compiles a recipe in a cluster.
func planThere(ctx context.Context, r *remote, file string, params map[string]string, std streams) (*recipe.Plan, error) {
	d, _, err := toAsk(file, params, std)
	if err != nil {
		return nil, err
	}
	made, err := r.PlanRecipe(ctx, d)
	return made.Plan, told(err)
}
