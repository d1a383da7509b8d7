package compile_test

import (
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"sluice/coordinator/compile"
	"sluice/nodes"
	"sluice/recipe"
)

var update = flag.Bool("update", false, "write what is got into testdata")

// archive is a golden test: recipe.yaml is compiled, with the other .yaml files to be
// included and the lines of params given as -p; what comes out must be the rest.
type archive struct {
	*txtar.Archive
	name string
}

func archives(t testing.TB, pattern string) []archive {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", pattern, "*.txtar"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no archives in testdata/%s: %v", pattern, err)
	}
	var list []archive
	for _, name := range names {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, archive{a, name})
	}
	return list
}

func (a archive) file(name string) (string, bool) {
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data), true
		}
	}
	return "", false
}

// check compares a file of the archive with what was got, or writes it there.
func (a archive) check(t *testing.T, name, got string) {
	t.Helper()
	want, ok := a.file(name)
	if got == want && ok {
		return
	}
	if !*update {
		t.Errorf("%s: %s\ngot\n%s\nwant\n%s", a.name, name, got, want)
		return
	}
	for i := range a.Files {
		if a.Files[i].Name == name {
			a.Files[i].Data = []byte(got)
			ok = true
		}
	}
	if !ok && got != "" {
		a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(got)})
	}
	if err := os.WriteFile(a.name, txtar.Format(a.Archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

var repeat = regexp.MustCompile(`(?m)^#repeat (\d+): (.*\n)`)

// grown puts lines that an archive only counts into the text: "#repeat 3: line {i}".
func grown(text string) string {
	return repeat.ReplaceAllStringFunc(text, func(m string) string {
		parts := repeat.FindStringSubmatch(m)
		n, _ := strconv.Atoi(parts[1])
		var b strings.Builder
		for i := range n {
			b.WriteString(strings.ReplaceAll(parts[2], "{i}", strconv.Itoa(i)))
		}
		return b.String()
	})
}

func (a archive) options(c *nodes.Catalogue) compile.Options {
	o := compile.Options{Catalogue: c, Load: a.load}
	if params, ok := a.file("params"); ok {
		o.Params = map[string]string{}
		for line := range strings.Lines(params) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			o.Params[name] = value
		}
	}
	return o
}

func (a archive) load(from, ref string) (string, []byte, error) {
	file := path.Join(path.Dir(from), ref)
	text, ok := a.file(file)
	if !ok {
		return "", nil, fmt.Errorf("%s: there is no such file", file)
	}
	return file, []byte(grown(text)), nil
}

func (a archive) compile(t *testing.T) (*recipe.Plan, recipe.Diagnostics) {
	t.Helper()
	text, ok := a.file("recipe.yaml")
	if !ok {
		t.Fatalf("%s has no recipe.yaml", a.name)
	}
	return compile.Compile("recipe.yaml", []byte(grown(text)), a.options(catalogue(t)))
}

func lines(ds recipe.Diagnostics) string {
	if len(ds) == 0 {
		return ""
	}
	return ds.Error() + "\n"
}

// TestFaults compiles a smallest failing example of each code; the archive's name
// starts with the code that it is about.
func TestFaults(t *testing.T) {
	covered := map[recipe.Code]bool{}
	for _, a := range archives(t, "faults") {
		name := strings.TrimSuffix(filepath.Base(a.name), ".txtar")
		t.Run(name, func(t *testing.T) {
			plan, ds := a.compile(t)
			if plan != nil {
				t.Fatalf("a plan was made of a recipe with a fault")
			}
			code, _, _ := strings.Cut(name, "-")
			for _, d := range ds {
				if string(d.Code) == code {
					covered[d.Code] = true
				}
			}
			if !covered[recipe.Code(code)] {
				t.Errorf("got %v, want a diagnostic %s", ds, code)
			}
			a.check(t, "diagnostics", lines(ds))
		})
	}
	for _, m := range recipe.Codes() {
		if !covered[m.Code] && m.Code != recipe.CodeNoInput { // which a service finds: coordinator/library
			t.Errorf("the code %s has no example in testdata/faults", m.Code)
		}
	}
}

// TestPlans compiles good recipes.
func TestPlans(t *testing.T) {
	for _, a := range archives(t, "plans") {
		t.Run(strings.TrimSuffix(filepath.Base(a.name), ".txtar"), func(t *testing.T) {
			plan, ds := a.compile(t)
			if ds != nil {
				t.Fatalf("got\n%v\nwant a plan", ds)
			}
			checkPlan(t, plan)
			a.check(t, "plan", plan.Text())
			for name, render := range map[string]func() string{
				"plan.mmd": plan.Mermaid, "plan.dot": plan.DOT, "plan.json": func() string { b, _ := plan.JSON(); return string(b) },
			} {
				if _, wanted := a.file(name); wanted {
					a.check(t, name, render())
				}
			}
		})
	}
}
