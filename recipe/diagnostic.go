package recipe

import (
	"fmt"
	"strings"
)

// Code is the stable name of a kind of fault in a recipe, such as SL201.
type Code string

// Diagnostic is one fault of a recipe. The CLI, the API and the editor show it in
// the same words.
type Diagnostic struct {
	Code Code   `json:"code"`
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"` // from 1; 0 when unknown
	Col  int    `json:"col,omitempty"`  // from 1
	Path string `json:"path,omitempty"` // into the document: nodes.digest.kind
	Text string `json:"text"`           // one sentence
	Hint string `json:"hint,omitempty"` // what would mend it, where that is obvious
}

// String renders the diagnostic as FILE:LINE:COL: CODE: text; hint.
func (d Diagnostic) String() string {
	s := fmt.Sprintf("%s:%d:%d: %s: %s", d.File, d.Line, d.Col, d.Code, d.Text)
	if d.Hint != "" {
		s += "; " + d.Hint
	}
	return s
}

// Diagnostics is the faults of a recipe; as an error it lists them, a line each.
type Diagnostics []Diagnostic

// Error implements error.
func (ds Diagnostics) Error() string {
	lines := make([]string, len(ds))
	for i, d := range ds {
		lines[i] = d.String()
	}
	return strings.Join(lines, "\n")
}
