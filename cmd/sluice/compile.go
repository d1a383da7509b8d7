package main

import (
	"io"

	"sluice/coordinator/compile"
	"sluice/nodes/all"
	"sluice/recipe"
)

// compileFlags are what flags say of a compilation beside its parameters.
type compileFlags struct {
	frame int // records; 0 is the default
	seed  uint64
	stdin io.Reader // for the FILE "-"; nil when that is a file like others

	outlets map[string][]string // is told where open outputs lead from; nil when nobody asks
}

// checkFile finds the faults of the recipe in file, which may be a part for others. They
// come back as recipe.Diagnostics.
func checkFile(file, root string, params map[string]string, stdin io.Reader) (compile.Summary, error) {
	var summary compile.Summary
	err := withRecipe(file, root, stdin, func(text []byte, o compile.Options) (faults recipe.Diagnostics) {
		o.Params = params
		summary, faults = compile.Check(file, text, o)
		return faults
	})
	return summary, err
}

// compileFile compiles the recipe in file, and those that it includes. The recipe's
// faults come back as recipe.Diagnostics.
func compileFile(file, root string, params map[string]string, flags compileFlags) (*recipe.Plan, error) {
	var plan *recipe.Plan
	err := withRecipe(file, root, flags.stdin, func(text []byte, o compile.Options) (faults recipe.Diagnostics) {
		o.Params, o.Frame.Records, o.Seed, o.Outlets = params, flags.frame, flags.seed, flags.outlets
		plan, faults = compile.Compile(file, text, o)
		return faults
	})
	return plan, err
}

// withRecipe reads the recipe in file, or from stdin, and calls do with its text, and with
// options by which it can include others.
func withRecipe(file, root string, stdin io.Reader, do func([]byte, compile.Options) recipe.Diagnostics) error {
	text, err := readRecipe(file, stdin)
	if err != nil {
		return err
	}
	files, err := openLoader(file, root)
	if err != nil {
		return usagef("%w", err)
	}
	defer files.Close()
	if faults := do(text, compile.Options{Catalogue: all.Catalogue(), Load: files.Load}); len(faults) > 0 {
		return faults
	}
	return nil
}
