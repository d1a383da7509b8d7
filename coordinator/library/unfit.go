package library

import (
	"encoding/json"
	"fmt"
	"slices"

	"sluice/nodes"
	"sluice/recipe"
)

// formatPath is the format of settings that are paths.
const formatPath = "path"

const (
	stdinText = "%s reads the standard input, and a job in a cluster has none"
	stdinHint = "read a file by file_reader with path: ${NAME}, and give it along: sluice submit -p NAME=@FILE"
)

// unfit returns what of a plan can't run in this cluster, whatever it waits for. texts are the
// values that were given for parameters.
func (l *Library) unfit(s Source, doc *recipe.Document, plan *recipe.Plan, texts map[string]string) (found recipe.Diagnostics) {
	catalogue := l.cfg.Catalogue()
	for i := range plan.Steps {
		step := &plan.Steps[i]
		text, hint := fmt.Sprintf(stdinText, step.Node), stdinHint
		if step.Kind != recipe.KindStdin {
			path := l.unread(step, catalogue)
			if path == "" {
				continue
			}
			text, hint = fmt.Sprintf("%s reads %s, and no worker here touches files of its own", step.Node, path), giveAlong(doc, texts, path)
		}
		d := recipe.Diagnostic{Code: recipe.CodeNoInput, File: s.Label, Line: step.Line, Col: 1, Path: "nodes." + step.Node, Text: text, Hint: hint}
		if step.File != "" {
			d.File = step.File
		} else if n := nodeAt(doc, step.Line); n != nil {
			d.Line, d.Col = n.KindAt.Line, n.KindAt.Col
		}
		found = append(found, d)
	}
	return found
}

// unread returns the path of a file that the step would read where no worker has any, "" for
// none.
func (l *Library) unread(step *recipe.Step, catalogue *nodes.Catalogue) string {
	kind, known := catalogue.Lookup(step.Kind)
	if step.Sink || !known || l.cfg.Rootless == nil {
		return ""
	}
	var given map[string]any
	if json.Unmarshal(step.Config, &given) != nil {
		return ""
	}
	for _, setting := range kind.Settings() {
		path, is := given[setting.Name].(string)
		if setting.Format == formatPath && is && path != "" && !nodes.IsArtifact(path) && l.cfg.Rootless(step) {
			return path
		}
	}
	return ""
}

// giveAlong says how a file comes to the workers: by the parameter that has its path, where there
// is one.
func giveAlong(doc *recipe.Document, texts map[string]string, path string) string {
	name := "NAME"
	if doc != nil {
		for _, p := range doc.Params {
			text, given := texts[p.Name]
			if !given && p.Default != nil {
				text, given = p.Default.Text, true
			}
			if given && text == path {
				name = p.Name
				break
			}
		}
	}
	if name != "NAME" {
		return fmt.Sprintf("give it along by -p %s=@%s, or start workers with --root DIR", name, path)
	}
	return "make the path a parameter and give it along by -p NAME=@FILE, or start workers with --root DIR"
}

// stdinOf returns the nodes of a recipe that read the standard input.
func stdinOf(s Source, doc *recipe.Document) (found recipe.Diagnostics) {
	if doc == nil {
		return nil
	}
	for i := range doc.Nodes {
		if n := &doc.Nodes[i]; n.Kind == recipe.KindStdin {
			found = append(found, recipe.Diagnostic{Code: recipe.CodeNoInput, File: s.Label, Line: n.KindAt.Line, Col: n.KindAt.Col,
				Path: "nodes." + n.Name, Text: fmt.Sprintf(stdinText, n.Name), Hint: stdinHint})
		}
	}
	return found
}

func nodeAt(doc *recipe.Document, line int) *recipe.Node {
	if doc == nil {
		return nil
	}
	// Nodes of one line are listed once: the first.
	at, found := slices.BinarySearchFunc(doc.Nodes, line, func(n recipe.Node, line int) int { return n.Line - line })
	if !found {
		return nil
	}
	return &doc.Nodes[at]
}
