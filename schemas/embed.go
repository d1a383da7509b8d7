// Package schemas holds the JSON Schemas (draft 2020-12) of the recipe document and of
// every kind's settings, so that the CLI, the API, the editor and the docs draw from
// one source. The files are generated from the catalogue:
//
//	go run ./schemas/generate
//
// An editor completes recipes when a recipe's first line names the schema:
//
//	# yaml-language-server: $schema=schemas/recipe.schema.json
package schemas

import (
	"embed"
	"fmt"
)

//go:embed recipe.schema.json kinds/*.schema.json
var files embed.FS

// Recipe returns the schema of the recipe document.
func Recipe() []byte {
	b, err := files.ReadFile("recipe.schema.json")
	if err != nil {
		panic(err) // it is embedded by name
	}
	return b
}

// Kind returns the schema of the settings of a kind.
func Kind(name string) ([]byte, error) {
	b, err := files.ReadFile("kinds/" + name + ".schema.json")
	if err != nil {
		return nil, fmt.Errorf("there is no schema of the kind %s", name)
	}
	return b, nil
}
