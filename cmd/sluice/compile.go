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
}

// compileFile compiles the recipe in file, and those that it includes. The recipe's
// faults come back as recipe.Diagnostics.
func compileFile(file, root string, params map[string]string, flags compileFlags) (*recipe.Plan, error) {
	text, err := readRecipe(file, flags.stdin)
	if err != nil {
		return nil, err
	}
	files, err := openLoader(file, root)
	if err != nil {
		return nil, usagef("%w", err)
	}
	defer files.Close()
	plan, faults := compile.Compile(file, text, compile.Options{
		Catalogue: all.Catalogue(),
		Params:    params,
		Load:      files.Load,
		Frame:     recipe.FrameLimits{Records: flags.frame},
		Seed:      flags.seed,
	})
	if len(faults) > 0 {
		return nil, faults
	}
	return plan, nil
}
