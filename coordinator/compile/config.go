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
		if c.stopped() {
			return
		}
		c.checkNode(n)
	}
}

func (c *compilation) checkNode(n *node) {
	text := []byte("{}")
	if n.doc.Config != nil {
		in := slot{secrets: true}
		if n.kind != nil {
			in.settings = n.kind.Settings()
		}
		v, ok := c.substitute(n.unit, n.doc.Config, n.at(".config"), in)
		if !ok {
			n.misconfigured()
			return
		}
		text = v.AppendJSON(nil)
	}
	if n.kind == nil {
		return
	}
	canonical, faults := n.kind.CheckConfig(text)
	for _, f := range faults {
		meant := func(other nodes.SettingFault) bool { return other.Hint == "did you mean "+f.Path+"?" }
		if given := n.doc.Config.Field(f.Path) != nil; given || !slices.ContainsFunc(faults, meant) { // else it is not missing, but misspelt
			c.settingFault(n, f)
		}
	}
	if len(faults) > 0 {
		n.misconfigured()
		return
	}
	n.config = canonical
}

// misconfigured notes that the node's settings are not known: what they decide is not either.
func (n *node) misconfigured() {
	n.untyped = true
	n.unclear = n.unclear || n.kind != nil && n.kind.TypedBySettings()
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
	if v := n.doc.Config.Field(name); v != nil && f.Hint == nodes.Unquote && strings.Contains(v.Text, "${") {
		f.Hint = "declare the parameter as a number"
	}
	if f.Secret {
		code = recipe.CodeSecret
	}
	if code == recipe.CodeNeeded {
		f.Hint = "add it under config: " + f.Hint
	}
	path := n.at(".config")
	if f.Path != "" {
		path += "." + f.Path
	}
	c.fault(n.unit.file(), code, at, path, f.Hint, "%s%s", f.Text, n.unit.givenBy(n.doc.Config.Field(name)))
}

// checkBuild lets the constructor of each node's kind have its say about the settings.
func (c *compilation) checkBuild() {
	for _, n := range c.nodes {
		if n.kind == nil || n.config == nil {
			continue
		}
		if c.stopped() {
			return
		}
		env := &nodes.Env{Job: "check", Node: n.path, Seed: c.o.Seed, Checking: true, Types: n.inner}
		if n.untyped { // by a fault at its edges, which does not excuse its settings
			env.Types = assumedTypes(n)
		}
		built, err := n.kind.Build(n.config, env)
		if err != nil {
			v, at, path := n.refusedAt(err)
			c.fault(n.unit.file(), recipe.CodeRefused, at, path, "", "the settings of %s are refused: %v%s", n.doc.Name, err, n.unit.givenBy(v))
		}
		if closer, ok := built.(nodes.Closer); ok {
			_ = closer.Close() // it opened nothing
		}
	}
}

// refusedAt returns the value, place and path of what a constructor refuses: the setting
// that is the first word of its error, or all of them.
func (n *node) refusedAt(err error) (*recipe.Value, recipe.Place, string) {
	word, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), n.kind.Kind+": "), " ")
	word = strings.TrimSuffix(word, ":")
	if v := n.doc.Config.Field(word); v != nil {
		return v, v.Place, n.at(".config." + word)
	}
	if n.doc.Config != nil {
		return n.doc.Config, n.doc.Config.Place, n.at(".config")
	}
	return nil, n.doc.Place, n.at(".config")
}

// assumedTypes are the types that a kind declares, and json where it leaves them open:
// what a constructor is given that can be told no better.
func assumedTypes(n *node) nodes.PortTypes {
	assume := func(ports []nodes.Port) []recipe.PortType {
		list := make([]recipe.PortType, len(ports))
		for i, p := range ports {
			list[i] = recipe.PortType{Name: p.Name, Type: p.Type}
			if !p.Type.IsConcrete() {
				list[i].Type = recipe.JSON
			}
		}
		return list
	}
	return nodes.PortTypes{In: assume(n.kind.In), Out: assume(n.kind.Out)}
}
