package compile

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"sluice/nodes"
	"sluice/recipe"
)

// EdgeEnd is one end of an edge that is asked about: a kind, one of its ports ("" for the usual
// one, out or in), and the settings that it would have, nil for none.
type EdgeEnd struct {
	Kind   *nodes.Kind
	Port   string
	Config json.RawMessage
}

// EdgeVerdict says whether two ports may be joined. Type is what would go there, "" where that is
// told by what leads into the first kind: then the edge may be legal. Why and Hint say what is in
// the way.
type EdgeVerdict struct {
	Legal bool
	Type  recipe.Type
	Why   string
	Hint  string
}

// CheckEdge applies the assignability rule to one edge between two kinds, without a recipe. The
// error says which port there is not.
func CheckEdge(from, to EdgeEnd) (v EdgeVerdict, err error) {
	out, err := port(from, from.Kind.Out, "out", "output")
	if err != nil {
		return v, err
	}
	in, err := port(to, to.Kind.In, "in", "input")
	if err != nil {
		return v, err
	}
	v.Type = replaceVars(out.Type, boundByConfig(&node{kind: from.Kind, config: from.Config}))
	want := in.Type
	if in.Reads(to.Config) != "" {
		want = recipe.JSON
	}
	if !v.Type.IsConcrete() { // a variable: it may be all that its constraint lets through
		v.Type, v.Legal = "", true
		return v, nil
	}
	why, legal := accept(to.Kind, want, v.Type, from.Kind.Kind, boundByConfig(&node{kind: to.Kind, config: to.Config}))
	if v.Legal = legal; legal {
		return v, nil
	}
	limit := want
	if l, limited := to.Kind.Where[string(want)]; limited {
		limit = l
	}
	v.Why = fmt.Sprintf("%s of %s is %s, but %s of %s takes %s%s", out.Name, from.Kind.Kind, v.Type, in.Name, to.Kind.Kind, want, why)
	v.Hint = conversion(v.Type, limit)
	return v, nil
}

func port(e EdgeEnd, among []nodes.Port, usual, what string) (nodes.Port, error) {
	name := e.Port
	if name == "" {
		name = usual
	}
	at := slices.IndexFunc(among, func(p nodes.Port) bool { return p.Name == name })
	if at < 0 && e.Port == "" && len(among) == 1 {
		at = 0
	}
	if at >= 0 {
		return among[at], nil
	}
	var names []string
	for _, p := range among {
		names = append(names, p.Name)
	}
	if len(names) == 0 {
		return nodes.Port{}, fmt.Errorf("kind %s has no %s ports", e.Kind.Kind, what)
	}
	near := recipe.DidYouMean(name, names)
	if near != "" {
		near = "; " + near
	}
	return nodes.Port{}, fmt.Errorf("kind %s has no %s port %s; it has %s%s", e.Kind.Kind, what, name, strings.Join(names, ", "), near)
}
