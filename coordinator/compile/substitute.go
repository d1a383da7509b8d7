package compile

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sluice/nodes"
	"sluice/recipe"
)

const (
	secretMark = "${secret:"
	maxFilled  = 16 << 20 // bytes that all references to parameters may stand for
)

var secretName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,63}$`)

// substitute replaces ${name} in all texts of v by the unit's parameters. It returns v
// itself when there is nothing to replace, and false when there was a fault (which
// may have been reported where the parameter is declared). References to secrets are left
// as they are.
func (c *compilation) substitute(u *unit, v *recipe.Value, path string, in slot) (*recipe.Value, bool) {
	switch v.Shape {
	case recipe.Text:
		if !strings.Contains(v.Text, "${") {
			return v, true
		}
		e := expansion{c: c, u: u, v: v, path: path, secrets: in.secrets, ok: true, at: literal{language: in.format}}
		return e.run()
	case recipe.Sequence, recipe.Mapping:
		return c.substituteItems(u, v, path, in)
	}
	return v, true
}

func (c *compilation) substituteItems(u *unit, v *recipe.Value, path string, in slot) (*recipe.Value, bool) {
	result, all := v, true
	for i, item := range v.Items {
		at, within := "", in
		if v.Shape == recipe.Mapping {
			at = path + "." + v.Keys[i].Name
			within = in.item(v.Keys[i].Name)
		} else {
			at = path + "[" + strconv.Itoa(i) + "]"
		}
		got, ok := c.substitute(u, item, at, within)
		all = all && ok
		if got == item {
			continue
		}
		if result == v {
			copied := *v
			copied.Items = slices.Clone(v.Items)
			result = &copied
		}
		result.Items[i] = got
	}
	return result, all
}

// slot is what may stand in a value.
type slot struct {
	secrets  bool            // ${secret:name}
	format   string          // of the setting that it is or is part of
	settings []nodes.Setting // that the items of this value are; nil elsewhere
}

// item is the slot of an item of a mapping.
func (s slot) item(name string) slot {
	for _, setting := range s.settings {
		if setting.Name == name {
			s.format = setting.Format
		}
	}
	s.settings = nil
	return s
}

// expansion is the replacing of the references in one text.
type expansion struct {
	c       *compilation
	u       *unit
	v       *recipe.Value
	path    string
	secrets bool // may stand here

	b     strings.Builder
	at    literal // where b ends
	found int     // references to secrets that are meant
	ok    bool
}

func (e *expansion) fault(code recipe.Code, hint, format string, args ...any) {
	e.c.fault(e.u.file(), code, e.v.Place, e.path, hint, format, args...)
	e.ok = false
}

// run replaces the references. A text that is one reference alone becomes the
// parameter's value, with its type; $${ stands for ${ itself.
func (e *expansion) run() (*recipe.Value, bool) {
	for rest := e.v.Text; ; {
		i := strings.Index(rest, "${")
		if i < 0 {
			e.write(rest)
			break
		}
		if i > 0 && rest[i-1] == '$' {
			e.write(rest[:i-1] + "${")
			rest = rest[i+2:]
			continue
		}
		e.write(rest[:i])
		name, after, closed := strings.Cut(rest[i+2:], "}")
		p := e.reference(name, closed)
		if p != nil && after == "" && e.b.Len() == 0 {
			whole := *p.value
			whole.Place = e.v.Place
			return &whole, e.ok
		}
		if p != nil {
			e.put(name, p.text)
		}
		if !closed {
			break
		}
		rest = after
	}
	text := e.b.String()
	if e.ok && strings.Count(text, secretMark) != e.found {
		e.fault(recipe.CodeSecret, "", "a reference to a secret cannot be put together from parts")
	}
	return &recipe.Value{Shape: recipe.Text, Text: text, Place: e.v.Place}, e.ok
}

func (e *expansion) write(text string) {
	e.b.WriteString(text)
	e.at.write(text)
}

// put writes the value of a parameter.
func (e *expansion) put(name, value string) {
	text, err := e.at.put(value)
	if err != nil {
		e.fault(recipe.CodeReference, `write \\ for a backslash itself`, "${%s} %v", name, err)
	}
	e.b.WriteString(text)
}

// reference handles one reference: it returns the parameter, or writes the secret's
// reference, or reports a fault.
func (e *expansion) reference(name string, closed bool) *param {
	secret, is := strings.CutPrefix(name, "secret:")
	switch {
	case is && (!closed || !secretName.MatchString(secret)):
		e.fault(recipe.CodeSecret, "write ${secret:name}", "the reference to a secret is malformed")
		return nil
	case is:
		e.allow(1)
		e.write(secretMark + secret + "}")
		return nil
	case !closed || !recipe.IsName(name):
		e.fault(recipe.CodeReference, "write ${name} for a parameter, or $${ for the characters themselves", "a reference that starts with ${ is not of the form ${name}")
		return nil
	}
	if e.u.params == nil {
		e.fault(recipe.CodeParam, "write $${ for the characters themselves", "a default cannot refer to a parameter, such as %s", name)
		return nil
	}
	p, declared := e.u.params[name]
	if !declared {
		e.fault(recipe.CodeParam, e.c.didYouMean(name, paramNames(e.u)), "unknown parameter %s", name)
		return nil
	}
	if p == nil {
		e.ok = false // at fault where it is declared
		return nil
	}
	if e.c.filled += len(p.text); e.c.filled > maxFilled {
		e.fault(recipe.CodeTooLarge, "", "the references to parameters stand for more than %d bytes", maxFilled)
		return nil
	}
	e.allow(p.secrets)
	return p
}

// allow counts references to secrets and refuses them where none may stand.
func (e *expansion) allow(n int) {
	e.found += n
	if n > 0 && !e.secrets {
		e.fault(recipe.CodeSecret, "secrets can stand in the config of a kind", "a secret is not resolved here")
	}
}
