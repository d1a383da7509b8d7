// Package house holds the rules of this code base as tests: which package may import
// which, which words are not used as names, how large files and functions get, what
// must be documented. It has no code of its own beside the reader of source files.
//
// A test that fails here names the file and line and the rule. The rules are tables at
// the top of each test file; a new package is given its place in the table of layers.
package house
