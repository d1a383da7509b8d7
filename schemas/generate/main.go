// Command generate writes the JSON Schemas of the recipe document and of every kind in
// the catalogue into a folder, and removes those of kinds that are gone.
//
//	go run ./schemas/generate [-dir schemas]
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"sluice/nodes"
	"sluice/nodes/all"
)

func main() {
	dir := flag.String("dir", "schemas", "the folder to write into")
	flag.Parse()
	if err := write(*dir, generate(all.Catalogue())); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// generate returns the schemas by the name of their file.
func generate(c *nodes.Catalogue) map[string][]byte {
	files := map[string][]byte{"recipe.schema.json": encode(recipeSchema(c))}
	for _, k := range c.All() {
		files[filepath.Join("kinds", k.Kind+".schema.json")] = encode(kindSchema(k))
	}
	return files
}

// encode writes a schema with sorted keys, so that the files are the same each time.
func encode(schema map[string]any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(schema); err != nil {
		panic(err) // it is made of plain values
	}
	return b.Bytes()
}

func write(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(filepath.Join(dir, "kinds"), 0o755); err != nil {
		return fmt.Errorf("schemas: %w", err)
	}
	old, err := filepath.Glob(filepath.Join(dir, "kinds", "*.schema.json"))
	if err != nil {
		return fmt.Errorf("schemas: %w", err)
	}
	for _, path := range old {
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return fmt.Errorf("schemas: %w", err)
		}
		if _, wanted := files[name]; !wanted {
			if err := os.Remove(path); err != nil {
				return fmt.Errorf("schemas: %w", err)
			}
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return fmt.Errorf("schemas: %w", err)
		}
	}
	return nil
}
