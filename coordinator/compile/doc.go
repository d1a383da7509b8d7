// Package compile turns a recipe document into a plan. It is a pure function of the
// text, the catalogue and the options: no I/O (composition reads files through
// [Options.Load]), no clock, no goroutine, and it knows nothing of NATS or of jobs.
//
// Start reading at [phases]: a phase is a file. Every phase reports all the faults it
// finds; a fault that would only cause others stops the compiler before them. The codes
// of all faults are one table, recipe.Codes, and each has a smallest failing example
// in testdata.
package compile
