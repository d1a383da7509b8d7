package main

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"sluice/coordinator"
)

// emptyFlags are the placeholders of the flags that narrow what is meant: an empty one would mean all.
var emptyFlags = []string{"JOB", "NODE", "SCOPE"}

// emptyName refuses a name or an id that is given and is empty, as by a variable that is not set:
// what was asked for then would be something else.
func emptyName(parsed *kong.Context) error {
	for _, p := range parsed.Path {
		switch a := p.Positional; {
		case a != nil && !a.Passthrough && holdsEmpty(a.Target.Interface()):
			return emptyFault("the " + calls(a))
		case p.Flag != nil && slices.Contains(emptyFlags, p.Flag.PlaceHolder) && holdsEmpty(parsed.FlagValue(p.Flag)):
			return emptyFault("--" + p.Flag.Name)
		}
	}
	return nil
}

// holdsEmpty reports whether an argument, or one of several, is empty.
func holdsEmpty(value any) bool {
	switch v := value.(type) {
	case string:
		return v == ""
	case []string:
		return slices.Contains(v, "")
	case []coordinator.Scope: // without the flag it is not asked
		return len(v) == 0 || slices.Contains(v, "")
	}
	return false
}

// calls is what people call one value of an argument.
func calls(a *kong.Positional) string {
	switch a.Name {
	case "job":
		return "job id"
	case "files", "names", "words":
		return strings.TrimSuffix(a.Name, "s")
	}
	return strings.ReplaceAll(a.Name, "|", " or ")
}

func emptyFault(what string) error {
	hint := ""
	if strings.Contains(what, "job") {
		hint = "\n  hint: @last is the latest job; sluice jobs lists them"
	}
	return usagef("%s is empty (is a variable not set?)%s", what, hint)
}
