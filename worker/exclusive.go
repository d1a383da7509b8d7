package worker

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/tidwall/gjson"

	"sluice/nodes"
	"sluice/recipe"
)

// oneWriter refuses a job of which two nodes would write one file here. The compiler
// compares the paths as they are written; that two of them meet behind a link, or are
// one only when secrets are filled in, shows where the files are.
func (r *jobRun) oneWriter() error {
	type file struct {
		folder os.FileInfo // the deepest that is there
		node   string
		path   string
	}
	files := map[string][]file{} // by what lies below the folder
	for i := range r.plan.Steps {
		step := &r.plan.Steps[i]
		path := r.exclusivePath(step)
		folder, below := r.lies(path)
		if folder == nil {
			continue // no file, or one that its node will not be able to write
		}
		for _, f := range files[below] {
			if os.SameFile(f.folder, folder) {
				return &failure{fmt.Errorf("node %s and node %s would both write one file: %s and %s are the same", f.node, step.Node, f.path, path)}
			}
		}
		files[below] = append(files[below], file{folder, step.Node, path})
	}
	return nil
}

// exclusivePath is the file that only this step may write, "" when there is none here.
func (r *jobRun) exclusivePath(step *recipe.Step) string {
	kind, ok := r.w.cfg.Catalogue.Lookup(step.Kind)
	if !ok || kind.Version != step.Version || kind.Exclusive == "" || kind.Exclusive == kind.Kind || !r.w.serves(step) {
		return ""
	}
	config, err := r.secrets(step.Config)
	if err != nil {
		return ""
	}
	return gjson.GetBytes(config, kind.Exclusive).String()
}

// lies returns the deepest folder above a file that exists, and the rest of its path.
func (r *jobRun) lies(file string) (folder os.FileInfo, below string) {
	if file == "" || r.w.cfg.Root == nil {
		return nil, ""
	}
	name, err := (&nodes.Env{Root: r.w.cfg.Root}).Path(file)
	if err != nil {
		return nil, ""
	}
	dir, below := filepath.Dir(name), filepath.Base(name)
	for {
		info, err := r.w.cfg.Root.Stat(dir)
		if err == nil {
			return info, below
		}
		if dir == "." {
			return nil, ""
		}
		dir, below = filepath.Dir(dir), filepath.Join(filepath.Base(dir), below)
	}
}
