package compile

import (
	"slices"
	"strings"

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
			n.untyped = true
			return
		}
		text = v.AppendJSON(nil)
	}
	canonical, faults := n.kind.CheckConfig(text)
	for _, f := range faults {
		c.settingFault(n, f)
	}
	if len(faults) > 0 {
		n.untyped = true // settings may decide types
		return
	}
	n.config = canonical
}

// settingFault reports a fault of the SDK at the place of the setting.
func (c *compilation) settingFault(n *node, f nodes.SettingFault) {
	name := f.Path
	if i := strings.IndexAny(name, ".["); i > 0 {
		name = name[:i]
	}
	known := slices.ContainsFunc(n.kind.Settings(), func(s nodes.Setting) bool { return s.Name == name })
	code, at := recipe.CodeBad, n.doc.Place
	if n.doc.Config != nil {
		at = n.doc.Config.Place
	}
	if v := n.doc.Config.Field(name); v != nil {
		at = v.Place
	} else if known {
		code = recipe.CodeNeeded
	}
	if name != "" && !known {
		code = recipe.CodeNoSetting
		if n.doc.Config != nil {
			for _, k := range n.doc.Config.Keys {
				if k.Name == name {
					at = k.Place
				}
			}
		}
	}
	if code == recipe.CodeNeeded {
		f.Hint = "add it under config: " + f.Hint
	}
	path := n.at(".config")
	if f.Path != "" {
		path += "." + f.Path
	}
	c.fault(n.unit.file(), code, at, path, f.Hint, "%s", f.Text)
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
