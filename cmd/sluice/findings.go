package main

import (
	"errors"
	"fmt"
	"io"

	"sluice/recipe"
)

// findings gathers what is wrong with several files, so that no fault of one hides those of
// the others.
type findings struct {
	faults recipe.Diagnostics
	unread []error // of files that could not be read
}

// add takes the error of one file; what is about no file is returned.
func (f *findings) add(err error) error {
	if err == nil {
		return nil
	}
	var faults recipe.Diagnostics
	var coded exitError
	switch {
	case errors.As(err, &faults):
		f.faults = append(f.faults, faults...)
	case errors.As(err, &coded) && coded.code == codeUsage:
		f.unread = append(f.unread, err)
	default:
		return err
	}
	return nil
}

// faultsShown is how many faults people are shown: of a file that is no recipe each line is one.
const faultsShown = 20

// printFaults prints faults for people, a line each.
func printFaults(w io.Writer, faults recipe.Diagnostics) {
	for _, d := range faults[:min(len(faults), faultsShown)] {
		fmt.Fprintln(w, d)
	}
	if n := len(faults) - faultsShown; n > 0 {
		fmt.Fprintf(w, "and %d more; sluice validate --json prints all\n", n)
	}
}

// end returns the error for all, nil when nothing is wrong. A file that could not be read
// counts more than a fault: what it says is not known.
func (f *findings) end(w io.Writer) error {
	switch {
	case len(f.unread) > 0:
		printFaults(w, f.faults)
		for _, err := range f.unread[:len(f.unread)-1] {
			report(err, w)
		}
		return f.unread[len(f.unread)-1]
	case len(f.faults) > 0:
		return f.faults
	}
	return nil
}
