package main

import "context"

type testCmd struct {
	Files []string `arg:"" help:"Recipes whose tests blocks are run; - is the standard input."`
	Name  string   `name:"run" placeholder:"NAME" help:"Run only the tests whose names contain NAME."`
	Root  string   `placeholder:"DIR" default:"." help:"Folder that paths of the recipe are relative to and confined in."`
}

// Help is shown by test --help.
func (testCmd) Help() string {
	return `In a test the given records stand for the output of a node, and what other nodes put out is
compared with what the test expects. Nothing is written: a test ends at the nodes it names.`
}

// Run runs the tests of each file and prints a line for each, with a diff where one fails.
func (c testCmd) Run(ctx context.Context, std streams, tests tester) error {
	passed, err := tests(ctx, c, std)
	if err == nil && !passed {
		err = exitError{code: codeFailed}
	}
	return err
}
