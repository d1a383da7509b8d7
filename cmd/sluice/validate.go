package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"sluice/recipe"
)

type validateCmd struct {
	Files  []string `arg:"" help:"Recipes."`
	Params []string `short:"p" name:"param" sep:"none" placeholder:"NAME=VALUE" help:"Give a parameter a value. Repeatable."`
	Root   string   `placeholder:"DIR" default:"." help:"Folder that included recipes are confined in."`
	JSON   bool     `name:"json" help:"Print the faults as JSON on stdout, one object a line."`
	Quiet  bool     `short:"q" help:"Say nothing about recipes that are sound."`
}

// Run checks every file and reports all faults of all of them.
func (c validateCmd) Run(std streams) error {
	params, err := readParams(c.Params)
	if err != nil {
		return err
	}
	var all recipe.Diagnostics
	for _, file := range c.Files {
		summary, err := checkFile(file, c.Root, params)
		var faults recipe.Diagnostics
		switch {
		case errors.As(err, &faults):
			all = append(all, faults...)
		case err != nil:
			return err
		case !c.Quiet && !c.JSON:
			fmt.Fprintf(std.out, "%s: %s\n", file, summary)
		}
	}
	if len(all) == 0 {
		return nil
	}
	if !c.JSON {
		return exitError{codeRefused, all}
	}
	enc := json.NewEncoder(std.out)
	for _, d := range all {
		if err := enc.Encode(d); err != nil {
			return err
		}
	}
	return exitError{code: codeRefused}
}
