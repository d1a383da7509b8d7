package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"sluice/coordinator"
)

type recipesCmd struct {
	List     recipesListCmd     `cmd:"" default:"withargs" help:"List saved recipes."`
	Show     recipesShowCmd     `cmd:"" help:"Print a saved recipe."`
	Save     recipesSaveCmd     `cmd:"" help:"Save a recipe as the next version of its name."`
	Versions recipesVersionsCmd `cmd:"" help:"List the versions of a saved recipe."`
	Diff     recipesDiffCmd     `cmd:"" help:"Compare two versions of a saved recipe."`
	Delete   recipesDeleteCmd   `cmd:"" help:"Delete a version of a saved recipe, or all."`
	Export   recipesExportCmd   `cmd:"" help:"Write saved recipes to the standard output."`
	Import   recipesImportCmd   `cmd:"" help:"Bring in what was exported."`
}

type recipesListCmd struct {
	remoteFlags
	outputFlags
	Match string `placeholder:"TEXT" help:"Only those with this in the name or in the description."`
}

// Run lists saved recipes.
func (c recipesListCmd) Run(ctx context.Context, std streams) error {
	r, err := c.open()
	if err != nil {
		return err
	}
	all := []coordinator.SavedRecipe{}
	for after := ""; ; {
		page, err := r.Recipes(ctx, c.Match, after, 0)
		if err != nil {
			return told(err)
		}
		all = append(all, page.Recipes...)
		if after = page.Next; after == "" {
			break
		}
	}
	return c.print(std.out, all, func(w io.Writer) {
		row(w, "NAME", "LATEST", "SAVED", "BY", "DESCRIPTION")
		for _, s := range all {
			line, _, _ := strings.Cut(s.Latest.Description, "\n")
			row(w, s.Name, s.Latest.Version, s.Latest.At.Local().Format(time.DateTime), s.Latest.By, line)
		}
	})
}

// savedArg names a saved recipe: NAME or NAME@VERSION.
type savedArg struct {
	remoteFlags
	Recipe string `arg:"" help:"The saved recipe: NAME, or NAME@VERSION."`
}

func (a *savedArg) parts() (name string, version int, err error) {
	name, text, found := strings.Cut(a.Recipe, "@")
	if found && text != "latest" {
		if version, err = strconv.Atoi(text); err != nil || version < 1 {
			return "", 0, usagef("recipe %q: want NAME or NAME@VERSION", a.Recipe)
		}
	}
	return name, version, nil
}

type recipesShowCmd struct {
	savedArg
	textFlags
}

// Run prints a saved recipe as it was written.
func (c recipesShowCmd) Run(ctx context.Context, std streams) error {
	name, version, err := c.parts()
	if err != nil {
		return err
	}
	r, err := c.open()
	if err != nil {
		return err
	}
	d, err := r.Recipe(ctx, name, version)
	if err != nil {
		return told(err)
	}
	return c.print(std.out, d, func(w io.Writer) error {
		_, err := io.WriteString(w, d.Source)
		return err
	})
}

type recipesSaveCmd struct {
	remoteFlags
	File string `arg:"" help:"The recipe; - is the standard input."`
	Name string `placeholder:"NAME" help:"What to call it; without it the name in the recipe."`
}

// Run saves a recipe.
func (c recipesSaveCmd) Run(ctx context.Context, std streams) error {
	text, files, name, err := withIncluded(c.File, std.in)
	if err != nil {
		return err
	}
	if c.Name != "" {
		name = c.Name
	}
	r, err := c.open()
	if err != nil {
		return err
	}
	v, err := r.SaveRecipe(ctx, name, text, files)
	if err != nil {
		return told(asGiven(err, name, c.File, files))
	}
	fmt.Fprintf(std.out, "%s@%d\n", name, v.Version)
	return nil
}

// asGiven names the recipe and its files in what was found in them as the command line does: a
// coordinator knows the name alone under which it is saved.
func asGiven(err error, name, file string, files map[string]string) error {
	var f *coordinator.Fault
	if !errors.As(err, &f) {
		return err
	}
	for i := range f.Found {
		at := &f.Found[i].File
		if _, along := files[*at]; *at == name+".yaml" {
			*at = file
		} else if along {
			*at = path.Join(path.Dir(filepath.ToSlash(file)), *at)
		}
	}
	return err
}

type recipesVersionsCmd struct {
	remoteFlags
	outputFlags
	Name string `arg:"" help:"The saved recipe."`
}

// Run lists versions.
func (c recipesVersionsCmd) Run(ctx context.Context, std streams) error {
	r, err := c.open()
	if err != nil {
		return err
	}
	all := []coordinator.RecipeVersion{}
	for before := 0; ; {
		some, next, err := r.RecipeVersions(ctx, c.Name, before)
		if err != nil {
			return told(err)
		}
		all = append(all, some...)
		if before = next; before == 0 {
			break
		}
	}
	return c.print(std.out, all, func(w io.Writer) {
		row(w, "VERSION", "SAVED", "BY", "USES")
		for _, v := range all {
			row(w, v.Version, v.At.Local().Format(time.DateTime), v.By, strings.Join(v.Uses, " "))
		}
	})
}

type recipesDeleteCmd struct {
	savedArg
	All bool `help:"Delete all versions."`
}

// Run deletes a version, or all.
func (c recipesDeleteCmd) Run(ctx context.Context, std streams) error {
	name, version, err := c.parts()
	switch {
	case err != nil:
		return err
	case version > 0 && c.All:
		return usagef("--all and a version are given; one of them is meant")
	}
	r, err := c.open()
	if err != nil {
		return err
	}
	if version == 0 && !c.All {
		if _, err := r.Recipe(ctx, name, 0); err != nil {
			return told(err)
		}
		return usagef("%s: name a version (%s@1), or give --all", name, name)
	}
	n, err := r.DeleteRecipe(ctx, name, version)
	if err != nil {
		return told(err)
	}
	fmt.Fprintf(std.err, "%d deleted\n", n)
	return nil
}

type recipesExportCmd struct {
	remoteFlags
	Names []string `arg:"" optional:"" help:"Only these; all without any."`
}

// Run writes an archive.
func (c recipesExportCmd) Run(ctx context.Context, std streams) error {
	r, err := c.open()
	if err != nil {
		return err
	}
	return told(r.ExportRecipes(ctx, c.Names, std.out))
}

type recipesImportCmd struct {
	remoteFlags
	File string `arg:"" help:"The archive; - is the standard input."`
}

// Run brings an archive in.
func (c recipesImportCmd) Run(ctx context.Context, std streams) error {
	from := std.in
	if c.File != fromStdin {
		f, err := os.Open(c.File)
		if err != nil {
			return usagef("%w", err)
		}
		defer f.Close()
		from = f
	}
	r, err := c.open()
	if err != nil {
		return err
	}
	done, err := r.ImportRecipes(ctx, from)
	if err != nil {
		return told(err)
	}
	for _, v := range done.Added {
		fmt.Fprintln(std.out, v)
	}
	fmt.Fprintf(std.err, "%d added, %d were here already\n", len(done.Added), len(done.Same))
	return nil
}
