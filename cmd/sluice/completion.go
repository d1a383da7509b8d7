package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"sluice/recipe"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help is shown by completion --help.
func (completionCmd) Help() string {
	return `Load it into the running shell:

  bash:  source <(sluice completion bash)
  zsh:   source <(sluice completion zsh)
  fish:  sluice completion fish | source`
}

// The scripts hand the words of the line to sluice itself, and let the shell complete
// file names where it has nothing to say.
var completionScripts = map[string]string{
	"bash": `_sluice() {
  local IFS=$'\n'
  COMPREPLY=($(sluice __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
}
complete -o default -F _sluice sluice
`,
	"zsh": `#compdef sluice
_sluice() {
  local -a found
  found=("${(@f)$(sluice __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$found" ]]; then compadd -a found; else _files; fi
}
compdef _sluice sluice
`,
	"fish": `function __sluice_complete
  set -l words (commandline -opc) (commandline -ct)
  sluice __complete -- $words[2..-1] 2>/dev/null
end
complete -c sluice -a '(__sluice_complete)'
`,
}

// Run prints the script.
func (c completionCmd) Run(std streams) error {
	_, err := io.WriteString(std.out, completionScripts[c.Shell])
	return err
}

type completeCmd struct {
	Words []string `arg:"" optional:"" passthrough:""`
}

// Run prints what could stand in place of the last word, a line each.
func (c completeCmd) Run(std streams, app *kong.Kong) error {
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	for _, w := range complete(app.Model.Node, words) {
		fmt.Fprintln(std.out, w)
	}
	return nil
}

// complete returns the words that can stand in place of the last one: subcommands,
// flags, the values of a flag, or values of an argument that has a closed set of them.
func complete(node *kong.Node, words []string) []string {
	last := ""
	if len(words) > 0 {
		last, words = words[len(words)-1], words[:len(words)-1]
	}
	lead := "" // what stands before the value in the last word
	if flag, value, ok := strings.Cut(last, "="); ok && strings.HasPrefix(flag, "--") {
		words, last, lead = append(slices.Clone(words), flag), value, flag+"="
	} else if last == "=" && len(words) > 0 { // bash splits words at "="
		last = ""
	}
	var args []string
	var open *kong.Flag // waits for its value
	for _, w := range words {
		switch {
		case w == "=":
		case open != nil:
			open = nil
		case strings.HasPrefix(w, "-"):
			open = flagThatWants(node, w)
		default:
			if child := childNamed(node, w); child != nil {
				node, args = child, nil
			} else {
				args = append(args, w)
			}
		}
	}
	var found []string
	switch {
	case open != nil:
		found = valuesOfFlag(open, args)
	case lead != "": // of a flag that takes no value
	case strings.HasPrefix(last, "-"):
		for _, f := range allFlags(node) {
			if !f.Hidden {
				found = append(found, "--"+f.Name)
			}
		}
	default:
		for _, child := range node.Children {
			if len(args) == 0 && !child.Hidden && child.Type == kong.CommandNode {
				found = append(found, child.Name)
			}
		}
		if n := len(node.Positional); n > 0 {
			found = append(found, valuesOf(node, node.Positional[min(len(args), n-1)], args)...)
		}
	}
	found = slices.DeleteFunc(found, func(w string) bool { return !strings.HasPrefix(w, last) })
	for i := range found {
		found[i] = lead + found[i]
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// valuesOfFlag returns the values that a flag can have: of a closed set, or names that the
// recipe on the line declares.
func valuesOfFlag(f *kong.Flag, args []string) []string {
	if f.Name != "tap" && f.Name != "param" {
		return enumOf(f.Value)
	}
	var found []string
	for _, file := range args {
		text, err := readRecipe(file, nil)
		if err != nil {
			continue
		}
		doc, _ := recipe.Decode(file, text)
		if doc == nil {
			continue
		}
		for i := range doc.Nodes {
			if f.Name == "tap" {
				found = append(found, doc.Nodes[i].Name)
			}
		}
		for i := range doc.Params {
			if f.Name == "param" {
				found = append(found, doc.Params[i].Name+"=")
			}
		}
	}
	return found
}

// valuesOf returns the values that an argument can have, nil when there is no telling.
func valuesOf(node *kong.Node, arg *kong.Value, args []string) []string {
	switch {
	case node.Name != "kinds":
		return enumOf(arg)
	case len(args) == 0:
		return append(kindNames(), "list", "show")
	case len(args) == 1 && args[0] == "show":
		return kindNames()
	}
	return nil
}

func enumOf(v *kong.Value) []string {
	if v.Enum == "" {
		return nil
	}
	return v.EnumSlice()
}

func childNamed(node *kong.Node, name string) *kong.Node {
	for _, c := range node.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// flagThatWants returns the flag that w is when the next word is its value.
func flagThatWants(node *kong.Node, w string) *kong.Flag {
	for _, f := range allFlags(node) {
		if (w == "--"+f.Name || f.Short != 0 && w == "-"+string(f.Short)) && !f.IsBool() {
			return f
		}
	}
	return nil
}

func allFlags(node *kong.Node) []*kong.Flag {
	var all []*kong.Flag
	for _, group := range node.AllFlags(false) {
		all = append(all, group...)
	}
	return all
}
