package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"strings"
	"text/tabwriter"

	"sluice/client"
	"sluice/coordinator"
	"sluice/recipe"
)

// remoteFlags say which coordinator a command asks.
type remoteFlags struct {
	Context string `placeholder:"NAME" env:"SLUICE_CONTEXT" help:"The cluster to ask; without it the current one. sluice context lists them."`
	Server  string `placeholder:"URL" env:"SLUICE_SERVER" help:"Ask this coordinator, whatever the contexts say; SLUICE_KEY has the key."`
}

// remote is a coordinator to ask.
type remote struct {
	*client.Client
	context string // that has the last job; "" where it is kept by the server
	server  string // with which key; see lastPlace
	last    recipe.JobID
}

func (f *remoteFlags) open() (*remote, error) {
	if f.Server != "" {
		key := os.Getenv("SLUICE_KEY")
		c, err := client.New(client.Config{URL: f.Server, Key: key, CA: os.Getenv("SLUICE_CA"), Tell: tell})
		if err != nil {
			return nil, usagef("%w", err)
		}
		warnExposed(f.Server, key)
		r := &remote{Client: c, server: lastPlace(f.Server, key)}
		if known, err := readContexts(); err == nil { // who names an address may have no file
			r.last = known.Servers[r.server]
		}
		return r, nil
	}
	all, err := readContexts()
	if err != nil {
		return nil, err
	}
	name, k, err := all.use(f.Context)
	if err != nil {
		return nil, err
	}
	own := lastPlace(k.Server, k.Key)
	if key := os.Getenv("SLUICE_KEY"); key != "" {
		k.Key = key
	}
	c, err := client.New(client.Config{URL: k.Server, Key: k.Key, CA: k.CA, Tell: tell})
	if err != nil {
		return nil, usagef("context %s: %w", name, err)
	}
	warnExposed(k.Server, k.Key)
	if place := lastPlace(k.Server, k.Key); place != own {
		return &remote{Client: c, server: place, last: all.Servers[place]}, nil
	}
	return &remote{Client: c, context: name, last: k.Last}, nil
}

// tell says on stderr what a command that follows waits for.
func tell(text string) { fmt.Fprintln(os.Stderr, text) }

// job reads what a user calls a job: an id, or @last.
func (r *remote) job(name string) (recipe.JobID, error) {
	switch {
	case name == lastJob && r.last == "":
		return "", usagef("@last: no job was submitted from here; sluice jobs lists those that there are")
	case name == lastJob:
		return r.last, nil
	case name != "" && !jobName.MatchString(name): // "" is none
		return "", usagef("%q is no id of a job, which has small letters and digits alone; sluice jobs lists them", name)
	}
	return recipe.JobID(name), nil
}

// jobName is what ids of jobs look like.
var jobName = regexp.MustCompile(`^[a-z0-9]{1,64}$`)

// submitted remembers the latest job.
func (r *remote) submitted(id recipe.JobID) error {
	if r.last = id; r.context == "" {
		_ = changeContexts(func(c *contexts) error { c.keepLast(r.server, id); return nil }) // without a file there is no @last
		return nil
	}
	return changeContexts(func(c *contexts) error {
		if k, known := c.Contexts[r.context]; known { // or it was forgotten meanwhile
			k.Last = id
			c.Contexts[r.context] = k
		}
		return nil
	})
}

// told gives an answer of the API the exit code of its family.
func told(err error) error {
	var f *coordinator.Fault
	if !errors.As(err, &f) {
		return err
	}
	text := f.Text
	if f.Hint != "" && f.Family != coordinator.Unnamed { // that speaks of headers
		text += "\n  hint: " + f.Hint
	}
	switch f.Family {
	case coordinator.Refused:
		return f.Found
	case coordinator.Unavailable, "internal":
		return exitError{codeUnavailable, errors.New(text)}
	case coordinator.Unnamed:
		text += "\n  hint: sluice login keeps a key, and SLUICE_KEY has one beside --server; sluice context shows which cluster is asked"
	}
	return exitError{codeUsage, errors.New(text)}
}

// outputFlags say how a list is printed.
type outputFlags struct {
	Output string `short:"o" default:"table" enum:"table,json,yaml" help:"How to print it: table, json or yaml."`
}

// people reports whether it is printed for them.
func (f outputFlags) people() bool { return f.Output != "json" && f.Output != "yaml" }

// textFlags say how something is printed that is a text of its own for people.
type textFlags struct {
	Output string `short:"o" default:"text" enum:"text,json,yaml" help:"How to print it: text, or all that is known as json or yaml."`
	JSON   bool   `name:"json" help:"The same as -o json."`
}

// print writes v as JSON or YAML, or calls text.
func (f textFlags) print(w io.Writer, v any, text func(io.Writer) error) error {
	out := outputFlags{f.Output}
	if f.JSON {
		out.Output = "json"
	}
	if out.people() {
		return text(w)
	}
	return out.print(w, v, nil)
}

// streamFlags say how something is printed that comes piece by piece.
type streamFlags struct {
	Output string `short:"o" default:"table" enum:"table,json,yaml" help:"How to print it: table, json (an object a line) or yaml (a document each)."`
	JSON   bool   `name:"json" help:"The same as -o json."`
}

// table reports whether it is printed for people.
func (f streamFlags) table() bool { return !f.JSON && f.Output != "json" && f.Output != "yaml" }

// item prints one piece for programs.
func (f streamFlags) item(w io.Writer, v any) error {
	if f.JSON || f.Output == "json" {
		return printJSON(w, v)
	}
	if _, err := io.WriteString(w, "---\n"); err != nil {
		return err
	}
	return outputFlags{Output: "yaml"}.print(w, v, nil)
}

// print writes v as JSON or YAML, or calls table.
func (f outputFlags) print(w io.Writer, v any, table func(io.Writer)) error {
	if r := reflect.ValueOf(v); r.Kind() == reflect.Slice && r.IsNil() {
		v = []any{} // a list of none, and not null
	}
	switch f.Output {
	case "json":
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(v)
	case "yaml":
		data, err := asYAML(v)
		if err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	}
	var aligned strings.Builder
	t := tabwriter.NewWriter(&aligned, 0, 8, 2, ' ', 0)
	table(t)
	if err := t.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(aligned.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// row writes the cells of a line of a table.
func row(w io.Writer, cells ...any) {
	for i, c := range cells {
		if i > 0 {
			fmt.Fprint(w, "\t")
		}
		fmt.Fprint(w, c)
	}
	fmt.Fprintln(w)
}
