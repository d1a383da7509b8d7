package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"sluice/recipe"
)

// loader reads recipes and those that they include. Included files are confined to one
// folder: --root (the working folder, unless told otherwise) when the recipe lies in it,
// else the recipe's own.
type loader struct {
	root  *os.Root
	dir   string // of root, absolute
	shown string // how names of files below dir begin on the screen
}

// savedRecipe is how a recipe names one that a server keeps.
var savedRecipe = regexp.MustCompile(`^[^/.]+@[^/]*$`)

// openLoader returns a loader for the recipe in file. The caller closes it.
func openLoader(file, rootDir string) (*loader, error) {
	if rootDir == "" {
		rootDir = "."
	}
	if info, err := os.Stat(rootDir); err != nil {
		return nil, fmt.Errorf("--root %s: %w", rootDir, plain(err))
	} else if !info.IsDir() {
		return nil, fmt.Errorf("--root %s is not a folder", rootDir)
	}
	dir, err := filepath.Abs(rootDir)
	if err != nil {
		return nil, err
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	shown := rootDir
	if !within(dir, abs) {
		dir, shown = filepath.Dir(abs), filepath.Dir(file)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the folder of %s: %w", file, err)
	}
	return &loader{root: root, dir: dir, shown: shown}, nil
}

// Close lets go of the folder.
func (l *loader) Close() error { return l.root.Close() }

// Load reads the recipe that ref names, relative to the file from. It has the form that
// the compiler asks for.
func (l *loader) Load(from, ref string) (file string, text []byte, err error) {
	if filepath.IsAbs(ref) {
		return ref, nil, fmt.Errorf("%s is absolute; a recipe is included by a path relative to the one that includes it", ref)
	}
	if savedRecipe.MatchString(ref) {
		return ref, nil, errors.New("saved recipes need a server (sluice validate --remote asks one); a file is included by its path, as recipe:./FILE.yaml")
	}
	file = filepath.Join(filepath.Dir(from), filepath.FromSlash(ref))
	abs, err := filepath.Abs(file)
	if err != nil {
		return file, nil, err
	}
	if !within(l.dir, abs) {
		return file, nil, fmt.Errorf("%s lies outside %s, to which recipes are confined; --root DIR allows another folder", file, l.shown)
	}
	rel, err := filepath.Rel(l.dir, abs)
	if err != nil {
		return file, nil, err
	}
	info, err := l.root.Stat(rel)
	if err != nil {
		return file, nil, plain(err)
	}
	if !info.Mode().IsRegular() {
		return file, nil, fmt.Errorf("%s is not a regular file", file)
	}
	f, err := l.root.Open(rel)
	if err != nil {
		return file, nil, plain(err)
	}
	defer f.Close()
	text, err = readBounded(f)
	return file, text, err
}

// fromStdin is the FILE that means the standard input.
const fromStdin = "-"

// readRecipe reads the recipe that the command line names.
func readRecipe(file string, stdin io.Reader) ([]byte, error) {
	if file == fromStdin && stdin != nil {
		text, err := readBounded(stdin)
		if err != nil {
			return nil, usagef("reading the recipe from the standard input: %w", err)
		}
		return text, nil
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, usagef("reading %s: %w", file, plain(err))
	}
	if info.IsDir() {
		return nil, usagef("%s is a folder, not a recipe", file)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, usagef("reading %s: %w", file, plain(err))
	}
	defer f.Close()
	text, err := readBounded(f)
	if err != nil {
		return nil, usagef("reading %s: %w", file, plain(err))
	}
	return text, nil
}

// readBounded reads a document and one byte more than it may have, so that the compiler
// sees, and says, when it is too large.
func readBounded(r io.Reader) ([]byte, error) {
	return io.ReadAll(io.LimitReader(r, recipe.MaxDocument+1))
}

func within(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// plain takes the call and the path from an error of package os: who prints it has
// named the file already.
func plain(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
