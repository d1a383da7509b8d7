package settings

import (
	"encoding"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// maxFile bounds a settings file.
const maxFile = 1 << 20

// Resolver finds the settings of a service that its command line does not give: in the
// environment, and then in the file that --config names. It is made for one command line.
//
// It serves a command whose struct embeds [Coordinator], [Worker] or [Up], and leaves others
// alone. All faults are told together: a value of the wrong type, a name that is no setting, and
// settings that do not go together.
type Resolver struct {
	env     func(name string) (string, bool)
	service *kong.Node
	values  map[string]value // by the name of the setting
	used    map[string]bool  // those of values that no flag stands before
	faults  []error
}

// value is a setting's value, as a command line would have it, and where it comes from.
type value struct {
	text, from string
	places     []string // FILE:LINE:COL, or the variable; of a list in a file, those of its items
}

// NewResolver returns a resolver that looks variables up by env, such as os.LookupEnv.
func NewResolver(env func(name string) (string, bool)) *Resolver { return &Resolver{env: env} }

// Resolve implements kong.Resolver.
func (r *Resolver) Resolve(ctx *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
	node := parent.Node()
	if node == nil || !isService(node) {
		return nil, nil
	}
	if r.service != node {
		r.load(ctx, node)
	}
	if v, ok := r.values[flag.Name]; ok {
		r.used[flag.Name] = true
		return v.text, nil
	}
	return nil, nil
}

// Validate implements kong.Resolver: it returns all that is wrong, as [Faults].
func (r *Resolver) Validate(*kong.Application) error {
	if r.service == nil {
		return nil
	}
	if all := slices.Concat(r.faults, r.placed(r.target().(faulty).Faults())); len(all) > 0 {
		return Faults(all)
	}
	return nil
}

// target is the struct of the service's settings.
func (r *Resolver) target() any { return r.service.Target.Addr().Interface() }

// placed gives faults the places that the values come from. What does not go together is left out
// while anything else is wrong in the file or the environment.
func (r *Resolver) placed(faults []error) (all []error) {
	for _, err := range faults {
		f, placed := err.(fault)
		if placed && f.together && len(r.faults) > 0 {
			continue
		}
		v := r.values[f.setting()]
		if placed && r.used[f.setting()] && len(v.places) > 0 {
			err = fmt.Errorf("%s: %w", v.places[min(f.item, len(v.places)-1)], err)
		}
		all = append(all, err)
	}
	return all
}

func isService(node *kong.Node) bool {
	if !node.Target.IsValid() || !node.Target.CanAddr() {
		return false
	}
	_, ok := node.Target.Addr().Interface().(faulty)
	return ok
}

// settingsOf returns the flags of a service that are settings.
func settingsOf(node *kong.Node) []*kong.Flag {
	return slices.DeleteFunc(slices.Clone(node.Flags), func(f *kong.Flag) bool { return f.Name == "help" })
}

// load reads the environment and the file.
func (r *Resolver) load(ctx *kong.Context, node *kong.Node) {
	r.service, r.values, r.used, r.faults = node, map[string]value{}, map[string]bool{}, nil
	flags := settingsOf(node)
	for _, f := range flags {
		r.look(f)
	}
	path := r.values["config"].text
	for _, p := range ctx.Path {
		if p.Flag != nil && p.Flag.Name == "config" {
			path, _ = ctx.FlagValue(p.Flag).(string)
		}
	}
	if path == "" {
		return
	}
	text, err := readFile(path)
	if err != nil {
		r.faults = append(r.faults, err)
		return
	}
	found, faults := parse(path, text, serviceOf(node), flags)
	r.faults = append(r.faults, faults...)
	for name, v := range found {
		if _, there := r.values[name]; !there {
			r.values[name] = v
		}
	}
}

// look takes a setting from the environment. A variable that is empty is not set.
func (r *Resolver) look(f *kong.Flag) {
	for _, name := range variables(f) {
		text, ok := r.env(name)
		if !ok || text == "" {
			continue
		}
		if err := try(f, text); err != nil {
			r.faults = append(r.faults, fmt.Errorf("%s: %w", name, err))
			return
		}
		r.values[f.Name] = value{text, "$" + name, []string{name}}
		return
	}
}

// variables are the names of a setting in the environment, the first that is set holds.
func variables(f *kong.Flag) []string {
	names := []string{variableOf(f.Name)}
	if also := f.Tag.Get("also"); also != "" {
		names = append(names, also)
	}
	return names
}

// prefix begins the name of every variable.
const prefix = "SLUICE_"

func variableOf(setting string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(setting, "-", "_"))
}

// try reports what is wrong with a value, as a command line would have it.
func try(f *kong.Flag, text string) error {
	scratch := reflect.New(f.Target.Type()).Elem()
	err := f.Parse(kong.ScanFromTokens(kong.Token{Type: kong.FlagValueToken, Value: text}), scratch)
	if err == nil && f.Enum != "" && !slices.Contains(f.EnumSlice(), text) {
		err = fmt.Errorf("%q is not one of %s", text, strings.Join(f.EnumSlice(), ", "))
	}
	if err != nil && !f.IsSlice() && !isText(f.Target.Type()) && f.Enum == "" {
		err = fmt.Errorf("%q is not %s", masked(text), wanted(f))
	}
	if err != nil {
		err = errors.New(strings.TrimPrefix(err.Error(), "--"+f.Name+": "))
	}
	return err
}

var (
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
	durationType = reflect.TypeFor[time.Duration]()
)

// isText reports whether a type reads its own text, and says what is wrong with it.
func isText(t reflect.Type) bool { return reflect.PointerTo(t).Implements(textType) }

// wanted says what a setting's value, or each value of a list, is.
func wanted(f *kong.Flag) string {
	t := f.Target.Type()
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	switch {
	case t == durationType:
		return "a time such as 90s, 24h or 7d"
	case t == reflect.TypeFor[Size]():
		return "a size such as 8MiB"
	case isText(t):
		return "a text"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	}
	return "a text"
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s is longer than 1 MiB", path)
	}
	if err != nil {
		err = fmt.Errorf("config: %w", err)
	}
	return text, errors.Join(err, f.Close())
}
