package source

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"sluice/nodes"
)

// maxFolders bounds how deep below each other folders are looked into for **.
const maxFolders = 64

// match returns the files that the path names, as itself or as a pattern.
func (f *fileReader) match() (files []string, pattern bool, err error) {
	if nodes.IsArtifact(f.Path) {
		return []string{f.Path}, false, nil
	}
	name, err := f.env.Path(f.Path)
	if err != nil {
		return nil, false, err
	}
	if !strings.ContainsAny(name, "*?[") {
		return []string{name}, false, nil
	}
	if _, err := f.env.Root.Stat(name); err == nil {
		return []string{name}, false, nil
	}
	parts := strings.Split(filepath.ToSlash(name), "/")
	for _, part := range parts {
		if _, err := path.Match(part, ""); err != nil {
			return nil, false, nodes.Permanentf("%s: %w", f.Path, err)
		}
		if part != "**" && strings.Contains(part, "**") {
			return nil, false, nodes.Permanentf("%s: ** stands for folders and must be alone between slashes, as in logs/**/*.gz", f.Path)
		}
	}
	if parts[len(parts)-1] == "**" {
		parts = append(parts, "*")
	}
	s := search{fsys: f.env.Root.FS(), found: map[string]bool{}}
	if err := s.look(".", parts, 0); err != nil {
		return nil, false, nodes.Permanentf("%s: %w", f.Path, err)
	}
	if len(s.found) == 0 {
		return nil, false, nodes.Permanentf("no file matches %s", f.Path)
	}
	return slices.Sorted(maps.Keys(s.found)), true, nil
}

// search finds the files that a pattern matches. Names that begin with a dot are matched
// only by parts that do, too: they are hidden, and may be what a job is writing.
type search struct {
	fsys  fs.FS
	found map[string]bool
}

// look goes on with the parts of a pattern in a folder.
func (s *search) look(folder string, parts []string, depth int) error {
	part, rest := parts[0], parts[1:]
	if part == "**" {
		if err := s.look(folder, rest, depth); err != nil { // it may stand for no folder
			return err
		}
	} else if !strings.ContainsAny(part, `*?[\`) {
		return s.enter(path.Join(folder, part), rest, depth)
	}
	entries, err := fs.ReadDir(s.fsys, folder)
	if err != nil {
		return ignoreMissing(err)
	}
	for _, e := range entries {
		name := path.Join(folder, e.Name())
		if strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(part, ".") {
			continue
		}
		if part == "**" {
			if !e.IsDir() { // nor a link to a folder, which may lead around in a circle
				continue
			}
			if depth == maxFolders {
				return nodes.Permanentf("%s lies deeper than %d folders", name, maxFolders)
			}
			if err := s.look(name, parts, depth+1); err != nil {
				return err
			}
		} else if matched, _ := path.Match(part, e.Name()); matched {
			if err := s.enter(name, rest, depth); err != nil {
				return err
			}
		}
	}
	return nil
}

// enter takes what the parts so far have matched.
func (s *search) enter(name string, rest []string, depth int) error {
	info, err := fs.Stat(s.fsys, name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !s.isLink(name):
		return nil
	case len(rest) > 0 && err == nil && info.IsDir():
		return s.look(name, rest, depth)
	case len(rest) > 0 || err == nil && info.IsDir():
		return nil
	}
	if s.found[name] = true; len(s.found) > maxSplits { // also what can't be looked at: it is told later
		return nodes.Permanentf("it matches more than %d files", maxSplits)
	}
	return nil
}

// isLink reports whether a name is there although what it stands for is not.
func (s *search) isLink(name string) bool {
	info, err := fs.Lstat(s.fsys, name)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	return err
}
