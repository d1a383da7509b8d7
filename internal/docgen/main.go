// Command docgen writes the generated parts of the docs: a page for every kind under
// docs/kinds, docs/diagnostics.md from the bad recipes under docs/diagnostics,
// docs/configuration.md from the flags of the services, and docs/api.md from the API's own
// description. With -check it writes nothing and fails
// when a file is not what it would write.
//
// It is run from the module's root; start reading at [pages].
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sluice/cmd/sluice/settings"
	"sluice/internal/reference"
	"sluice/nodes/all"
)

func main() {
	check := flag.Bool("check", false, "fail when a file is not up to date")
	flag.Parse()
	if err := run(".", *check); err != nil {
		fmt.Fprintln(os.Stderr, "docgen:", err)
		os.Exit(1)
	}
}

// run writes, or checks, all generated files below root.
func run(root string, check bool) error {
	want, err := pages(root)
	if err != nil {
		return err
	}
	stale, err := leftOver(root, want)
	if err != nil {
		return err
	}
	var differ []string
	for _, path := range slices.Sorted(maps.Keys(want)) {
		have, err := os.ReadFile(filepath.Join(root, path))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil && bytes.Equal(have, want[path]) {
			continue
		}
		differ = append(differ, path)
		if !check {
			if err := write(filepath.Join(root, path), want[path]); err != nil {
				return err
			}
		}
	}
	if check && len(differ)+len(stale) > 0 {
		return fmt.Errorf("not up to date, make generate writes them anew: %s", strings.Join(append(differ, stale...), ", "))
	}
	for _, path := range stale {
		if err := os.Remove(filepath.Join(root, path)); err != nil {
			return err
		}
	}
	return nil
}

// pages returns every generated file by its path.
func pages(root string) (map[string][]byte, error) {
	files := map[string][]byte{}
	catalogue := all.Catalogue()
	var index bytes.Buffer
	if err := reference.Index(&index, catalogue); err != nil {
		return nil, err
	}
	files["docs/kinds/README.md"] = index.Bytes()
	for _, k := range catalogue.All() {
		var page bytes.Buffer
		if err := reference.Markdown(&page, reference.Of(k)); err != nil {
			return nil, err
		}
		files["docs/kinds/"+k.Kind+".md"] = page.Bytes()
	}
	text, err := diagnostics(root, catalogue)
	if err != nil {
		return nil, err
	}
	files["docs/diagnostics.md"] = text
	var configuration bytes.Buffer
	if err := settings.Page(&configuration); err != nil {
		return nil, err
	}
	files["docs/configuration.md"] = configuration.Bytes()
	files["docs/api.md"], err = apiPage()
	return files, err
}

// leftOver returns the pages of kinds that are no more.
func leftOver(root string, want map[string][]byte) ([]string, error) {
	found, err := filepath.Glob(filepath.Join(root, "docs", "kinds", "*.md"))
	if err != nil {
		return nil, err
	}
	var stale []string
	for _, file := range found {
		path := "docs/kinds/" + filepath.Base(file)
		if _, ok := want[path]; !ok {
			stale = append(stale, path)
		}
	}
	return stale, nil
}

func write(file string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}
