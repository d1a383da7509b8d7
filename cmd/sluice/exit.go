package main

import (
	"errors"
	"fmt"
	"io"

	"sluice/recipe"
)

// The exit codes. Scripts rely on them.
const (
	codeDone        = 0
	codeFailed      = 1 // the job, or a test, failed
	codeRefused     = 2 // a recipe has faults; they are on stderr
	codeUsage       = 3 // the command line can't be followed
	codeUnavailable = 4 // no coordinator, or server, answered, or it failed: what was asked for may be done, or not
	codeNotYet      = 5 // an order was taken, and the job was not there within --wait
	codeInterrupted = 130
)

// exitError is an error that knows its exit code. Without an error inside, what there
// was to say has been said.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e exitError) Unwrap() error { return e.err }

// usagef is an error about how the command was called.
func usagef(format string, args ...any) error {
	return exitError{codeUsage, fmt.Errorf(format, args...)}
}

// report prints an error as its sort demands and returns the exit code.
func report(err error, w io.Writer) int {
	code := exitCode(err)
	var coded exitError
	if errors.As(err, &coded) {
		err = coded.err
	}
	var faults recipe.Diagnostics
	switch {
	case err == nil:
	case errors.As(err, &faults):
		printFaults(w, faults)
	default:
		fmt.Fprintf(w, "sluice: %v\n", err)
	}
	return code
}
