package coordinator

import (
	"encoding/json"
	"time"

	"sluice/recipe"
)

// SavedRecipe is a recipe that is kept under a name, as lists show it.
type SavedRecipe struct {
	Name     string        `json:"name"`
	Latest   RecipeVersion `json:"latest"`
	Versions int           `json:"versions"` // that there are; deleted ones are not counted
}

// RecipeVersion is one version of a saved recipe without its text. It never changes, and its
// number is never given again, not even behind its deletion.
type RecipeVersion struct {
	Version     int       `json:"version"`
	Description string    `json:"description,omitempty"` // the document's, cut off at 1,000 bytes
	Digest      string    `json:"digest"`                // SHA-256 of the document and the files beside it, in hexadecimal
	Uses        []string  `json:"uses,omitempty"`        // the saved recipes that it includes itself: name@3, or name@latest
	Artifacts   []string  `json:"artifacts,omitempty"`   // digests of those that its text names: they are not deleted
	By          string    `json:"by"`                    // who saved it
	At          time.Time `json:"at"`
	ImportedBy  string    `json:"imported_by,omitempty"` // who brought it here from another library
}

// RecipeDocument is one version of a saved recipe, whole.
type RecipeDocument struct {
	Name string `json:"name"`
	RecipeVersion
	Source string            `json:"source"`          // the document, as it was written
	Files  map[string]string `json:"files,omitempty"` // what it includes by relative paths, by path
	Params []RecipeParam     `json:"params,omitempty"`
}

// RecipeParam is a parameter that a recipe declares.
type RecipeParam struct {
	Name     string          `json:"name"`
	Type     recipe.Type     `json:"type"`
	Default  json.RawMessage `json:"default,omitempty"`
	Required bool            `json:"required,omitempty"` // it has no default
	Doc      string          `json:"doc,omitempty"`
}

// RecipePage is a part of the list of saved recipes, by name.
type RecipePage struct {
	Recipes []SavedRecipe `json:"recipes"`
	Next    string        `json:"next,omitempty"` // the cursor of the next page; "" on the last
}

// RecipeDiff says what is different in two versions of a saved recipe.
type RecipeDiff struct {
	Name   string        `json:"name"`
	From   int           `json:"from"`
	To     int           `json:"to"`
	Text   string        `json:"text"` // a unified diff, "" when the texts are equal
	Nodes  RecipeChanges `json:"nodes"`
	Params RecipeChanges `json:"params"`
	Fields []string      `json:"fields,omitempty"` // other fields of the document that are different: defaults, tests, …
}

// RecipeChanges names what came, went and became different, each sorted.
type RecipeChanges struct {
	Added   []string `json:"added,omitempty"`
	Removed []string `json:"removed,omitempty"`
	Changed []string `json:"changed,omitempty"`
}
