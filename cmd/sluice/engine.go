package main

import (
	"context"
	"io"

	"sluice/internal/bus"
	"sluice/recipe"
)

// What run, test and dead need of the data plane. execute binds the implementations, so
// that tests can bind their own.
type (
	// starter runs a job until it is at rest and returns its last progress. An error
	// means that the job could not be run at all.
	starter func(context.Context, job) (recipe.Progress, error)

	// tester runs the tests of some files, prints a line for each, and reports whether all
	// passed.
	tester func(context.Context, testCmd, streams) (bool, error)
)

// letters reads and replays the dead letters that a data folder holds.
type letters interface {
	List(context.Context, deadListCmd, streams) error
	Show(context.Context, deadShowCmd, streams) error
	Replay(context.Context, deadReplayCmd, streams, commandLine) error
}

// engine is all of it.
type engine struct {
	start starter
	tests tester
	dead  letters
}

// dataPlane returns what this build runs jobs with.
func dataPlane() engine {
	return engine{start: runLocal, tests: runCases, dead: localDead{}}
}

// job is one run of a plan, as the command line asks for it.
type job struct {
	plan  *recipe.Plan
	flags runCmd
	// outlets says where open outputs of included recipes lead from; see compile.Options.
	outlets map[string][]string
	origin  bus.Origin
	// accept is asked before a stored job is gone on with, and refuses it by an error.
	accept func(*bus.JobRecord) error
	gaveUp func(reasons)         // takes why records became dead letters, when some did
	stop   <-chan struct{}       // closed to bring the job to rest; the context's end is to leave at once
	show   func(recipe.Progress) // takes a snapshot whenever there is news, ten a second at most
	in     io.Reader             // the standard input, for stdin sources
	out    io.Writer             // of printers and taps; safe while a bar is drawn
	err    io.Writer             // of logs; safe while a bar is drawn
}
