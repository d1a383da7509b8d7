package main

import (
	"errors"
	"regexp"
	"slices"

	"github.com/alecthomas/kong"
)

// spelled turns what other programs understand too into this one's commands.
func spelled(args []string) []string {
	switch {
	case len(args) == 0:
		return []string{"--help"}
	case args[0] == "--version" && len(args) == 1:
		return []string{"version"}
	case args[0] == "help":
		return append(slices.Clone(args[1:]), "--help")
	}
	return joined(args)
}

var (
	longFlag = regexp.MustCompile(`^--[a-z][a-z-]*$`)
	negative = regexp.MustCompile(`^-[0-9][0-9a-zµ.]*$`) // no flag is called so
)

// joined joins flags with values below 0, which the parser takes for flags.
func joined(args []string) []string {
	var all []string
	for i, a := range args {
		switch {
		case a == "--":
			return append(all, args[i:]...)
		case i > 0 && negative.MatchString(a) && longFlag.MatchString(args[i-1]):
			all[len(all)-1] += "=" + a
		default:
			all = append(all, a)
		}
	}
	return all
}

// unplain is what the parser says that says too much: of a flag of one letter the guess is another
// one that only happens to have one, too; of times what a package makes of them.
var unplain = []struct {
	said  *regexp.Regexp
	plain string
}{
	{regexp.MustCompile(`^(unknown flag -[^-]), did you mean .*$`), "$1"},
	{regexp.MustCompile(`expected duration but got (".*"): time: .*$`), "$1 is no time; want one such as 90s, 2h or 30d"},
}

// inPlainWords says so what the parser says otherwise.
func inPlainWords(err error) error {
	var parse *kong.ParseError
	if !errors.As(err, &parse) {
		return err
	}
	for _, u := range unplain {
		if u.said.MatchString(err.Error()) {
			return inWords{parse, u.said.ReplaceAllString(err.Error(), u.plain)}
		}
	}
	return err
}

type inWords struct {
	*kong.ParseError
	text string
}

// Error implements error.
func (g inWords) Error() string { return g.text }

// Unwrap returns the parser's error, which knows the command.
func (g inWords) Unwrap() error { return g.ParseError }
