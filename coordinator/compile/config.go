package compile

import (
	"encoding/json"

	"sluice/nodes"
	"sluice/recipe"
)

// checkSettings puts parameters into the settings of each node and holds them to the
// schema of its kind.
func (c *compilation) checkSettings() {
	for _, n := range c.nodes {
		if n.kind != nil {
			c.checkNode(n)
		}
	}
}

func (c *compilation) checkNode(n *node) {
	text := []byte("{}")
	if n.doc.Config != nil {
		v, ok := c.substitute(n.unit, n.doc.Config, n.at(".config"), true)
		if !ok {
			return
		}
		text = v.AppendJSON(nil)
	}
	n.config = json.RawMessage(text)
}

// checkBuild lets the constructor of each node's kind have its say about the settings.
func (c *compilation) checkBuild() {
	for _, n := range c.nodes {
		if n.kind == nil || n.untyped || n.config == nil {
			continue
		}
		env := &nodes.Env{Job: "check", Node: n.path, Seed: c.o.Seed, Checking: true, Types: n.inner}
		built, err := n.kind.Build(n.config, env)
		if err != nil {
			at := n.doc.Place
			if n.doc.Config != nil {
				at = n.doc.Config.Place
			}
			c.fault(n.unit.file(), recipe.CodeRefused, at, n.at(".config"), "", "the settings of %s are refused: %v", n.doc.Name, err)
		}
		if closer, ok := built.(nodes.Closer); ok {
			_ = closer.Close() // it opened nothing
		}
	}
}
