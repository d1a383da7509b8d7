package compile

import (
	"path"

	"github.com/tidwall/gjson"

	"sluice/recipe"
)

// checkShared refuses two nodes that use what only one may use, as their kinds say.
func (c *compilation) checkShared() {
	type thing struct{ kind, name string }
	users := map[thing]*node{}
	for _, n := range c.nodes {
		if n.kind == nil || n.kind.Exclusive == "" || n.config == nil {
			continue
		}
		t := thing{kind: n.kind.Kind}
		if n.kind.Exclusive != n.kind.Kind { // a file, whatever kind writes it
			t.kind, t.name = "", path.Clean(gjson.GetBytes(n.config, n.kind.Exclusive).String())
		}
		first := users[t]
		if first == nil {
			users[t] = n
			continue
		}
		at, where := n.doc.Place, n.at("")
		if v := n.doc.Config.Field(n.kind.Exclusive); v != nil {
			at, where = v.Place, n.at(".config."+n.kind.Exclusive)
		}
		if t.name == "" {
			c.fault(n.unit.file(), recipe.CodeShared, at, where, "let both read "+first.path, "%s and %s are both %s; a recipe may have one", first.path, n.path, t.kind)
			continue
		}
		c.fault(n.unit.file(), recipe.CodeShared, at, where, "merge them in one node, or name another file", "%s and %s would both write %s", first.path, n.path, t.name)
	}
}
