package settings

import (
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"

	"sluice/recipe"
)

// Row is a setting as it holds, and where its value comes from. Values never hold who a URL is
// asked for as.
type Row struct {
	Name, Value string
	From        string // FILE:LINE, $VARIABLE, or default
}

// Check returns the settings that a service would run with, given a settings file ("" for none)
// and a way to look variables up, in the order of its flags. All faults are told together, as
// [Faults].
func Check(service, file string, env func(name string) (string, bool)) ([]Row, error) {
	r := NewResolver(env)
	app, flags, err := model(service, kong.Resolvers(r))
	if err != nil {
		return nil, err
	}
	var args []string
	if file != "" {
		args = []string{"--config=" + file}
	}
	if _, err := app.Parse(args); err != nil {
		return nil, err
	}
	var rows []Row
	for _, f := range flags {
		from := "default"
		switch v, ok := r.values[f.Name]; {
		case f.Name == "config" && file != "":
			from = "command line"
		case ok:
			from = v.from
		}
		rows = append(rows, Row{f.Name, shown(f), from})
	}
	if absent := missing(rows); len(absent) > 0 {
		return nil, absent
	}
	return rows, nil
}

// missing are the faults of settings that name a file or folder which is not there: the start would
// end by them.
func missing(rows []Row) (all Faults) {
	for _, r := range rows {
		files := []string{r.Value}
		switch r.Name {
		case "root", "nats-creds", "nats-nkey", "secret-key-file", "tls-ca", "tls-cert", "tls-key", "tls-listen-cert", "tls-listen-key":
		case "projects":
			files = strings.Split(r.Value, ",")
		default:
			continue
		}
		for _, file := range files {
			if _, path, named := strings.Cut(file, "="); named && r.Name == "projects" {
				file = path
			}
			if _, err := os.Stat(file); file != "" && err != nil {
				all = append(all, fmt.Errorf("%s (%s): %w", r.Name, r.From, err))
			}
		}
	}
	return all
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
		if near := recipe.Nearest(name, mine); ours && near != "" && !names[name] {
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
	options = append(options, kong.Name("sluice "+service), kong.Exit(func(int) {}), kong.Writers(io.Discard, io.Discard))
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
