//go:build linux

package faults

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var (
	long  = flag.Bool("long", false, "run the form of at most 5 minutes; CI does")
	whole = flag.Bool("whole", false, "run the whole table: 100 SIGKILLs, and all else 10 times, with the real waits")
	times = flag.Int("times", 10, "how often the whole table runs what is not a SIGKILL: below 10 it is a portion")
	loud  = flag.Bool("loud", false, "keep the folders of clusters, and say where they are")
)

// minutes begins a portion of the forms that take minutes, beside others or alone. Without
// -long or -whole it is left out.
func minutes(t *testing.T, beside bool) {
	t.Helper()
	if !*long && !*whole {
		t.Skip("takes minutes: with -long or -whole")
	}
	if beside {
		t.Parallel()
	}
	table.time(t)
}

// often is how often something runs that the whole form does n times and the short one once.
func often(n int) int {
	if !*whole {
		return 1
	}
	return (n**times + 9) / 10
}

var work string // a folder for what is built

func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("4") // most of the time is spent waiting
		if *long || *whole {
			_ = f.Value.Set("5")
		}
	}
	var err error
	if work, err = os.MkdirTemp("", "sluice-faults-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	table.print(os.Stdout)
	os.RemoveAll(work)
	os.Exit(code)
}

// edit replaces a piece of a source file, which must be there once.
type edit struct{ file, old, new string }

// hasty makes a cluster give a dead process up after seconds, so that a test need not wait
// half a minute for what it wants to see.
var hasty = []edit{
	{"coordinator/job/job.go", "defaultAckWait = 30 * time.Second", "defaultAckWait = 4 * time.Second"},
	{"coordinator/job/job.go", "defaultLease   = 15 * time.Second", "defaultLease   = 4 * time.Second"},
	{"coordinator/lead/lead.go", "DefaultLease      = 12 * time.Second", "DefaultLease      = 3 * time.Second"},
}

var built sync.Map // of functions that return a path, by name

// build builds sluice with some edits, once a name.
func build(t testing.TB, name string, edits ...edit) string {
	t.Helper()
	make1, _ := built.LoadOrStore(name, sync.OnceValues(func() (string, error) {
		path := filepath.Join(work, name)
		args := []string{"build", "-o", path}
		if len(edits) > 0 {
			over, err := overlay(name, edits)
			if err != nil {
				return "", err
			}
			args = append(args, "-overlay", over)
		}
		return path, goBuild(append(args, "sluice/cmd/sluice"))
	}))
	path, err := make1.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// natsServer builds the server that go.mod has.
var natsServer = sync.OnceValues(func() (string, error) {
	path := filepath.Join(work, "nats-server")
	return path, goBuild([]string{"build", "-o", path, "github.com/nats-io/nats-server/v2"})
})

func goBuild(args []string) error {
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// overlay writes the edited files, and what tells the compiler to take them.
func overlay(name string, edits []edit) (string, error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return "", err
	}
	text := map[string]string{} // by path
	for _, e := range edits {
		path := e.file
		if !filepath.IsAbs(path) {
			path = filepath.Join(root, e.file)
		}
		if _, read := text[path]; !read {
			b, err := os.ReadFile(path)
			if err != nil {
				return "", err
			}
			text[path] = string(b)
		}
		if n := strings.Count(text[path], e.old); n != 1 {
			return "", fmt.Errorf("%s holds %d times what the build %s replaces: %s", e.file, n, name, e.old)
		}
		text[path] = strings.Replace(text[path], e.old, e.new, 1)
	}
	dir, err := os.MkdirTemp(work, name+"-")
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for path, content := range text {
		at := filepath.Join(dir, fmt.Sprint(len(replace))+".go")
		if err := os.WriteFile(at, []byte(content), 0o600); err != nil {
			return "", err
		}
		replace[path] = at
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	at := filepath.Join(dir, "overlay.json")
	return at, os.WriteFile(at, b, 0o600)
}
