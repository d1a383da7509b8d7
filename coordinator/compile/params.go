package compile

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"sluice/recipe"
)

// givenParams reads the values of the top recipe's parameters from the options.
func (c *compilation) givenParams(u *unit) map[string]*param {
	values := map[string]*param{}
	for _, p := range u.doc.Params {
		at := "params." + p.Name
		values[p.Name] = c.defaultParam(u, &p)
		text, given := c.o.Params[p.Name]
		switch {
		case given:
			v, err := parseParam(p.Type, text)
			if err == nil && newParam(v).secrets > 0 {
				c.fault(u.file(), recipe.CodeSecret, p.Place, at, "name the secret in the recipe", "the value given for the parameter %s cannot refer to a secret", p.Name)
				v = nil
			}
			if err != nil {
				c.fault(u.file(), recipe.CodeBadParam, p.Place, at, "", "the value given for the parameter %s is not of type %s: %v", p.Name, p.Type, err)
				v = nil
			}
			values[p.Name] = newParam(v)
		case c.checking && (c.o.Unvalued || len(u.inlets)+len(u.outlets) > 0):
			// The recipe that includes it, or the job, will give one.
		case p.Default == nil && c.test != nil:
			c.fault(u.file(), recipe.CodeNoParam, c.test.Place, "tests", fmt.Sprintf("add params: {%s: …} to the test", p.Name), "the parameter %s has no default and the test %s gives no value", p.Name, c.test.Name)
		case p.Default == nil:
			c.fault(u.file(), recipe.CodeNoParam, p.Place, at, fmt.Sprintf("give it by -p %s=…", p.Name), "the parameter %s has no default and no value was given", p.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.o.Params)) {
		if _, ok := values[name]; !ok {
			c.fault(u.file(), recipe.CodeUnused, u.doc.Place, "params", c.didYouMean(name, paramNames(u)), "a value is given for the parameter %s, which the recipe does not declare", name)
		}
	}
	return values
}

// innerParams reads the values that the including node gives.
func (c *compilation) innerParams(u *unit) map[string]*param {
	values := map[string]*param{}
	at := "nodes." + u.by.Name
	given := u.by.Params
	for _, p := range u.doc.Params {
		v := given.Field(p.Name)
		values[p.Name] = c.defaultParam(u, &p)
		switch {
		case v != nil:
			v, ok := c.substitute(u.up, v, at+".params."+p.Name, slot{secrets: true})
			if ok {
				ok = c.paramFits(u.up, &p, v, at+".params."+p.Name)
			}
			if values[p.Name] = nil; ok {
				values[p.Name] = newParam(v)
			}
		case p.Default == nil:
			c.fault(u.up.file(), recipe.CodeNoParam, u.by.Place, at, fmt.Sprintf("add params: {%s: …}", p.Name), "the parameter %s of %s has no default and is not given", p.Name, u.file())
		}
	}
	if given != nil {
		for _, k := range given.Keys {
			if _, ok := values[k.Name]; !ok {
				c.fault(u.up.file(), recipe.CodeUnused, k.Place, at+".params", c.didYouMean(k.Name, paramNames(u)), "a value is given for the parameter %s, which %s does not declare", k.Name, u.file())
			}
		}
	}
	return values
}

// givenBy says, for a value at fault, where the recipes around u give the parameters in it:
// they may be what is wrong. It is empty when none do.
func (u *unit) givenBy(v *recipe.Value) string {
	var said []string
	var look func(u *unit, v *recipe.Value)
	look = func(u *unit, v *recipe.Value) {
		if v == nil || !u.inner() {
			return
		}
		for _, item := range v.Items {
			look(u, item)
		}
		for _, p := range u.doc.Params {
			given := u.by.Params.Field(p.Name)
			if v.Shape != recipe.Text || given == nil || !strings.Contains(v.Text, "${"+p.Name+"}") {
				continue
			}
			said = append(said, fmt.Sprintf("%s is given in %s:%d:%d", p.Name, u.up.file(), given.Place.Line, given.Place.Col))
			look(u.up, given)
		}
	}
	if look(u, v); said == nil {
		return ""
	}
	return " (" + strings.Join(said, ", ") + ")"
}

// paramFits checks a value that a recipe gives for a parameter of another, or of a test.
func (c *compilation) paramFits(u *unit, p *recipe.Param, v *recipe.Value, path string) bool {
	at, what := v.Unlike(p.Type)
	if what != "" {
		c.fault(u.file(), recipe.CodeBadParam, at, path, "", "the parameter %s has type %s, not %s", p.Name, p.Type, what)
	}
	return what == ""
}

// param is a parameter's value, with what is needed each time it is referred to.
type param struct {
	value   *recipe.Value
	text    string
	secrets int // references to secrets in it
}

func newParam(v *recipe.Value) *param {
	if v == nil {
		return nil
	}
	text := v.String()
	return &param{v, text, strings.Count(text, secretMark)}
}

// defaultParam returns a parameter's default, or nil.
func (c *compilation) defaultParam(u *unit, p *recipe.Param) *param {
	if p.Default == nil {
		return nil
	}
	v, ok := c.substitute(&unit{doc: u.doc}, p.Default, "params."+p.Name+".default", slot{secrets: true})
	if !ok {
		return nil
	}
	return newParam(v)
}

func paramNames(u *unit) func() []string {
	return func() []string {
		names := make([]string, len(u.doc.Params))
		for i, p := range u.doc.Params {
			names[i] = p.Name
		}
		return names
	}
}

// parseParam reads a parameter's value from text, as -p gives it.
func parseParam(t recipe.Type, text string) (*recipe.Value, error) {
	switch t {
	case recipe.String, recipe.Bytes:
		return &recipe.Value{Shape: recipe.Text, Text: text}, nil
	case recipe.Bool:
		if text != "true" && text != "false" {
			return nil, fmt.Errorf("%q is neither true nor false", text)
		}
		return &recipe.Value{Shape: recipe.Boolean, Text: text}, nil
	case recipe.Int:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not a whole number of 64 bit", text)
		}
		return &recipe.Value{Shape: recipe.Integer, Text: strconv.FormatInt(n, 10)}, nil
	}
	if !json.Valid([]byte(text)) {
		return nil, fmt.Errorf("%q is not JSON", text)
	}
	v, faults := recipe.ParseValue("", []byte(text))
	if len(faults) > 0 {
		return nil, fmt.Errorf("%q: %s", text, faults[0].Text)
	}
	if _, what := v.Unlike(t); what != "" {
		return nil, fmt.Errorf("%q is %s", text, what)
	}
	return v, nil
}
