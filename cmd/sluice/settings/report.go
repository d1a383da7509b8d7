package settings

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"sluice/recipe"
)

// others are the variables, without the prefix, that something else reads: commands that ask a
// cluster, and tests.
var others = []string{"context", "contexts", "server", "key", "ca", "insecure-http",
	"data", "figures", "kills", "seed", "seeds", "faults-ending", "test-worker", "test-worker-name", "trial-worker"}

// foreign begin the names of variables that are nobody's setting: secrets of jobs that run here, and
// what Kubernetes sets for a service that is called sluice.
var foreign = []string{"secret-", "port-", "service-"}

func isForeign(name string) bool {
	return name == "port" || slices.Contains(others, name) || slices.ContainsFunc(foreign, func(p string) bool { return strings.HasPrefix(name, p) })
}

// Strays returns a sentence for each variable of an environment, NAME=VALUE, that looks like a
// setting of the service and is none of any service.
func Strays(service string, environ []string) []string {
	names, mine := map[string]bool{}, []string{}
	for _, s := range Services {
		_, flags, err := model(s)
		if err != nil {
			continue
		}
		for _, f := range flags {
			names[f.Name] = true
			if s == service {
				mine = append(mine, f.Name)
			}
		}
	}
	var found []string
	for _, v := range environ {
		variable, _, _ := strings.Cut(v, "=")
		name, ours := strings.CutPrefix(variable, prefix)
		name = strings.ToLower(strings.ReplaceAll(name, "_", "-"))
		if near := recipe.Nearest(name, mine); ours && near != "" && !names[name] && !isForeign(name) {
			found = append(found, fmt.Sprintf("%s is no setting of %s; did you mean %s?", variable, service, variableOf(near)))
		}
	}
	return found
}

// model builds the command line of a service alone.
func model(service string, options ...kong.Option) (*kong.Kong, []*kong.Flag, error) {
	target, err := of(service)
	if err != nil {
		return nil, nil, err
	}
	options = append(options, Times(), kong.Name("sluice "+service), kong.Exit(func(int) {}), kong.Writers(io.Discard, io.Discard))
	app, err := kong.New(target, options...)
	if err != nil {
		return nil, nil, err
	}
	return app, settingsOf(app.Model.Node), nil
}

// serviceOf returns the name of the service whose settings a command takes.
func serviceOf(node *kong.Node) string {
	words := strings.Fields(node.Name)
	return words[len(words)-1]
}

// shown is a setting's value for people.
func shown(f *kong.Flag) string {
	if f.Target.Kind() != reflect.Slice {
		return masked(fmt.Sprint(f.Target.Interface()))
	}
	var words []string
	for i := range f.Target.Len() {
		words = append(words, masked(fmt.Sprint(f.Target.Index(i).Interface())))
	}
	return strings.Join(words, ",")
}
