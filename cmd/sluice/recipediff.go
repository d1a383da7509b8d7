package main

import (
	"context"
	"io"
	"strconv"
	"strings"
)

type recipesDiffCmd struct {
	remoteFlags
	textFlags
	Recipe string `arg:"" help:"The saved recipe: NAME; alone, its two latest versions are compared."`
	From   string `arg:"" optional:"" help:"A version of it: a number, or latest."`
	To     string `arg:"" optional:"" help:"Another. NAME@FROM NAME@TO is the same."`
}

// versions returns what is compared; no versions are the two latest.
func (c *recipesDiffCmd) versions() (name, from, to string, err error) {
	name, from, found := strings.Cut(c.Recipe, "@")
	switch other, last, both := strings.Cut(c.From, "@"); {
	case found && both && other == name && c.To == "":
		return name, from, last, nil
	case found && both && other != name:
		return "", "", "", usagef("%s and %s: versions of one recipe are compared", c.Recipe, c.From)
	case found || both || (c.From == "") != (c.To == ""):
		return "", "", "", usagef("recipes diff: want NAME, NAME FROM TO, or NAME@FROM NAME@TO")
	}
	return name, c.From, c.To, nil
}

// Run prints what is different.
func (c recipesDiffCmd) Run(ctx context.Context, std streams) error {
	name, from, to, err := c.versions()
	if err != nil {
		return err
	}
	r, err := c.open()
	if err != nil {
		return err
	}
	if from == "" {
		if from, to, err = latestTwo(ctx, r, name); err != nil {
			return err
		}
	}
	var versions [2]int
	for i, text := range []string{from, to} {
		if versions[i], err = numberOf(ctx, r, name, text); err != nil {
			return err
		}
	}
	d, err := r.DiffRecipe(ctx, name, versions[0], versions[1])
	if err != nil {
		return told(err)
	}
	return c.print(std.out, d, func(w io.Writer) error {
		_, err := io.WriteString(w, d.Text)
		return err
	})
}

// latestTwo returns the last version of a saved recipe but one, and the last.
func latestTwo(ctx context.Context, r *remote, name string) (from, to string, err error) {
	all, _, err := r.RecipeVersions(ctx, name, 0)
	switch {
	case err != nil:
		return "", "", told(err)
	case len(all) < 2:
		return "", "", usagef("the recipe %s has one version: there is nothing to compare it with", name)
	}
	return strconv.Itoa(all[1].Version), strconv.Itoa(all[0].Version), nil
}

// numberOf reads a version of a saved recipe: a number, or latest.
func numberOf(ctx context.Context, r *remote, name, text string) (int, error) {
	if text == "latest" {
		d, err := r.Recipe(ctx, name, 0)
		return d.Version, told(err)
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, usagef("version %q of %s: want a number, or latest", text, name)
	}
	return n, nil
}
