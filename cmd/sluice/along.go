package main

import (
	"io"
	"path/filepath"

	"sluice/coordinator/compile"
	"sluice/nodes/all"
	"sluice/recipe"
)

// withIncluded reads a recipe and what it includes by relative paths, by path from its folder: to
// be sent along. What is wrong with it is left for the coordinator to say.
func withIncluded(file string, stdin io.Reader) (text string, files map[string]string, name string, err error) {
	b, err := readRecipe(file, stdin)
	if err != nil {
		return "", nil, "", err
	}
	if doc, _ := recipe.Decode(file, b); doc != nil {
		name = doc.Recipe
	}
	loader, err := openLoader(file, filepath.Dir(file))
	if err != nil {
		return "", nil, "", usagef("%w", err)
	}
	defer loader.Close()
	load := func(from, ref string) (string, []byte, error) {
		included, text, err := loader.Load(from, ref)
		if err != nil {
			return included, text, err
		}
		if rel, rerr := filepath.Rel(filepath.Dir(file), included); rerr == nil {
			if files == nil {
				files = map[string]string{}
			}
			files[filepath.ToSlash(rel)] = string(text)
		}
		return included, text, nil
	}
	compile.Check(file, b, compile.Options{Catalogue: all.Catalogue(), Load: load})
	return string(b), files, name, nil
}
