package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

//go:embed templates
var templates embed.FS

type newCmd struct {
	Name     string `arg:"" help:"Name of the recipe; it is written to NAME.yaml."`
	Template string `short:"t" default:"lines" enum:"lines,json,csv,feed,part" help:"What to start from: lines, json, csv, feed or part."`
	Out      string `short:"o" placeholder:"FILE" help:"Write to FILE instead of NAME.yaml; - is standard output."`
}

// Help is shown by new --help.
func (newCmd) Help() string {
	return `Templates:
  lines  lines of a log: pick some, take a part of each, write them
  json   JSON events: pick by field, count, write the top ten
  csv    a CSV file, joined with a table of what is known
  feed   standard input, for the end of a pipe
  part   a recipe with open ports, to be included by others

It never overwrites a file.`
}

// A recipe's name is read aloud, written in file names and in subjects.
var recipeName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)

// Run writes the template.
func (c newCmd) Run(std streams) error {
	name := strings.TrimSuffix(filepath.Base(c.Name), ".yaml")
	if !recipeName.MatchString(name) {
		return usagef("%q can't be a recipe's name: it begins with a letter and has a-z, 0-9, - and _ only", name)
	}
	text, err := templates.ReadFile(path.Join("templates", c.Template+".yaml"))
	if err != nil {
		return err
	}
	text = []byte(strings.ReplaceAll(string(text), "NAME", name))
	file := c.Out
	switch file {
	case "-":
		_, err := std.out.Write(text)
		return err
	case "":
		file = filepath.Join(filepath.Dir(c.Name), name+".yaml")
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return usagef("%s exists and is not overwritten", file)
	}
	if err != nil {
		return usagef("writing %s: %w", file, plain(err))
	}
	if _, err := f.Write(text); err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", file, err), f.Close())
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	_, err = fmt.Fprintf(std.err, "wrote %s; try: sluice validate %s\n", file, file)
	return err
}
