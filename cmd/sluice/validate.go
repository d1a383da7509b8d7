package main

import (
	"context"
	"encoding/json"
	"fmt"

	"sluice/recipe"
)

type validateCmd struct {
	Files  []string `arg:"" help:"Recipes; - is the standard input."`
	Params []string `short:"p" name:"param" sep:"none" placeholder:"NAME=VALUE" help:"Give a parameter a value. Repeatable."`
	Root   string   `placeholder:"DIR" default:"." help:"Folder that included recipes are confined in."`
	JSON   bool     `name:"json" help:"Print the faults as JSON on stdout, one object a line."`
	Quiet  bool     `short:"q" help:"Say nothing about recipes that are sound."`
	askFlags
}

// Run checks every file and reports all faults of all of them.
func (c validateCmd) Run(ctx context.Context, std streams) error {
	params, err := readParams(c.Params)
	if err != nil {
		return err
	}
	of := c.declared(params)
	check, err := c.checker(ctx, std)
	if err != nil {
		return err
	}
	var found findings
	for _, file := range c.Files {
		summary, err := check(file, of[file])
		if err == nil && !c.Quiet && !c.JSON {
			fmt.Fprintf(std.out, "%s: %s\n", file, summary)
		}
		if err := found.add(err); err != nil {
			return err
		}
	}
	if c.JSON {
		enc := json.NewEncoder(std.out)
		for _, d := range found.faults {
			if err := enc.Encode(d); err != nil {
				return err
			}
		}
		if len(found.faults) > 0 && len(found.unread) == 0 {
			return exitError{code: codeRefused}
		}
		found.faults = nil // they are told
	}
	return found.end(std.err)
}

// checker returns what checks a file, here or in a cluster.
func (c *validateCmd) checker(ctx context.Context, std streams) (func(file string, params map[string]string) (string, error), error) {
	if !c.asks() {
		return func(file string, params map[string]string) (string, error) {
			summary, err := checkFile(file, c.Root, params, std.in)
			return fmt.Sprint(summary), err
		}, nil
	}
	r, err := c.open()
	return func(file string, params map[string]string) (string, error) {
		return checkThere(ctx, r, file, params, std)
	}, err
}

// declared returns by file the values for it: where there are several files, those of
// parameters that it declares, and those that no file does.
func (c *validateCmd) declared(params map[string]string) map[string]map[string]string {
	declares := map[string]map[string]bool{}
	anywhere := map[string]bool{}
	for _, file := range c.Files {
		declares[file] = map[string]bool{}
		if len(c.Files) == 1 {
			break
		}
		text, err := readRecipe(file, nil)
		if err != nil {
			continue // which compiling it will say
		}
		doc, _ := recipe.Decode(file, text)
		if doc == nil {
			continue
		}
		for _, p := range doc.Params {
			declares[file][p.Name], anywhere[p.Name] = true, true
		}
	}
	of := map[string]map[string]string{}
	for _, file := range c.Files {
		of[file] = map[string]string{}
		for name, value := range params {
			if len(c.Files) == 1 || declares[file][name] || !anywhere[name] {
				of[file][name] = value
			}
		}
	}
	return of
}
