package compile

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
	"time"

	"sluice/nodes"
	"sluice/recipe"
)

// Bounds on settings.
const (
	maxParallel = 1024
	maxAttempts = 100
	maxBackoff  = time.Minute
	minTTL      = 100 * time.Millisecond
	maxTTL      = 366 * 24 * time.Hour
	maxDead     = 1_000_000_000
	maxCapacity = 1_000_000
)

var poolName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// inherit reads what the nodes of a unit inherit: the recipe's defaults, then what is
// said of the node that includes it, then what that one inherits.
func (c *compilation) inherit(u *unit) {
	u.set = settings{
		onError: recipe.DeadLetter,
		retry:   recipe.Retry{Attempts: recipe.DefaultAttempts, Backoff: recipe.DefaultBackoff},
		maxDead: recipe.DefaultMaxDead,
		edge:    edgeSettings{capacity: recipe.DefaultCapacity, overflow: recipe.Block},
	}
	if u.inner() { // units are listed with the including one first
		u.set = u.up.set
		c.read(u.up, &u.by.Settings, "nodes."+u.by.Name, &u.set)
	}
	c.read(u, &u.doc.Defaults, "defaults", &u.set)
	own := c.edgePart(u, &u.doc.Defaults.EdgeSettings, "defaults")
	u.set.edge = own.over(u.set.edge)
}

func (c *compilation) nodeSettings(n *node) {
	n.set = n.unit.set
	c.read(n.unit, &n.doc.Settings, n.at(""), &n.set)
}

// read reads the node settings that are said in s over those in dst.
func (c *compilation) read(u *unit, s *recipe.Settings, path string, dst *settings) {
	r := settingReader{c, u, path, recipe.CodeSetting}
	if v, ok := r.number(s.Parallel, "parallel", 1, maxParallel); ok {
		dst.parallel = int(v)
	}
	if v, ok := r.choice(s.OnError, "on_error", string(recipe.DeadLetter), string(recipe.Drop), string(recipe.Fail)); ok {
		dst.onError = recipe.OnError(v)
	}
	if v, ok := r.number(s.Attempts, "retry.attempts", 1, maxAttempts); ok {
		dst.retry.Attempts = int(v)
	}
	if v, ok := r.duration(s.Backoff, "retry.backoff", time.Millisecond, maxBackoff); ok {
		dst.retry.Backoff = v
	}
	if v, ok := r.number(s.MaxDead, "max_dead", 0, maxDead); ok {
		dst.maxDead = v
	}
	if v, ok := r.text(s.Pool, "pool"); ok {
		if !poolName.MatchString(v) {
			r.bad(s.Pool, "pool", "the label of a pool is made of a-z, 0-9, - and _, not %q", v)
		} else {
			dst.pool = v
		}
	}
}

// partialEdge is what a reference says of an edge; nil is: nothing.
type partialEdge struct {
	capacity *int
	overflow *recipe.Overflow
	ttl      *time.Duration
}

// or returns what p says, and where it says nothing what o says.
func (p partialEdge) or(o partialEdge) partialEdge {
	if p.capacity == nil {
		p.capacity = o.capacity
	}
	if p.overflow == nil {
		p.overflow = o.overflow
	}
	if p.ttl == nil {
		p.ttl = o.ttl
	}
	return p
}

// over returns what p says, and where it says nothing what set says.
func (p partialEdge) over(set edgeSettings) edgeSettings {
	if p.capacity != nil {
		set.capacity = *p.capacity
	}
	if p.overflow != nil {
		set.overflow = *p.overflow
	}
	if p.ttl != nil {
		set.ttl = *p.ttl
	}
	return set
}

func (c *compilation) edgeSettings(u *unit, ref *recipe.Ref) partialEdge {
	return c.edgePart(u, &ref.EdgeSettings, ref.Path)
}

func (c *compilation) edgePart(u *unit, s *recipe.EdgeSettings, path string) partialEdge {
	r := settingReader{c, u, path, recipe.CodeEdge}
	var p partialEdge
	if v, ok := r.number(s.Capacity, "capacity", 1, maxCapacity); ok {
		n := int(v)
		p.capacity = &n
	}
	if v, ok := r.choice(s.Overflow, "overflow", string(recipe.Block), string(recipe.DropOldest), string(recipe.DropNewest)); ok {
		o := recipe.Overflow(v)
		p.overflow = &o
	}
	if v, ok := r.duration(s.TTL, "ttl", minTTL, maxTTL); ok {
		p.ttl = &v
	}
	return p
}

// settingReader reads values of settings that are said at one place.
type settingReader struct {
	c    *compilation
	u    *unit
	path string
	code recipe.Code
}

func (r settingReader) bad(v *recipe.Value, name, format string, args ...any) {
	r.c.fault(r.u.file(), r.code, v.Place, r.path+"."+name, "", format, args...)
}

// value fills in parameters; false when nothing is said or it is at fault.
func (r settingReader) value(v *recipe.Value, name string) (*recipe.Value, bool) {
	if v == nil {
		return nil, false
	}
	return r.c.substitute(r.u, v, r.path+"."+name, slot{})
}

func (r settingReader) number(v *recipe.Value, name string, least, most int64) (int64, bool) {
	v, ok := r.value(v, name)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(v.Text, 10, 64)
	if v.Shape != recipe.Integer || err != nil || n < least || n > most {
		hint := ""
		if v.Shape == recipe.Text && err == nil {
			hint = "remove the quotes"
		}
		r.c.fault(r.u.file(), r.code, v.Place, r.path+"."+name, hint, "%s must be a whole number from %d to %d, not %s", name, least, most, show(v))
		return 0, false
	}
	return n, true
}

func (r settingReader) text(v *recipe.Value, name string) (string, bool) {
	v, ok := r.value(v, name)
	if !ok {
		return "", false
	}
	if v.Shape != recipe.Text {
		r.bad(v, name, "%s must be a text, not %s", name, show(v))
		return "", false
	}
	return v.Text, true
}

func (r settingReader) choice(v *recipe.Value, name string, choices ...string) (string, bool) {
	v, ok := r.value(v, name)
	if !ok {
		return "", false
	}
	for _, c := range choices {
		if v.Shape == recipe.Text && v.Text == c {
			return c, true
		}
	}
	hint := r.c.didYouMean(v.Text, func() []string { return choices })
	r.c.fault(r.u.file(), r.code, v.Place, r.path+"."+name, hint, "%s must be %s, not %s", name, strings.Join(choices, " or "), show(v))
	return "", false
}

func (r settingReader) duration(v *recipe.Value, name string, least, most time.Duration) (time.Duration, bool) {
	v, ok := r.value(v, name)
	if !ok {
		return 0, false
	}
	d, err := time.ParseDuration(v.Text)
	if v.Shape != recipe.Text || err != nil {
		r.c.fault(r.u.file(), r.code, v.Place, r.path+"."+name, cmp.Or(recipe.DaysHint(v.Text), "write a number and a unit, such as 500ms or 30s"), "%s must be a duration, not %s", name, show(v))
		return 0, false
	}
	if d < least || d > most {
		r.bad(v, name, "%s must be from %v to %v, not %v", name, least, most, d)
		return 0, false
	}
	return d, true
}

// show renders a value for a diagnostic.
func show(v *recipe.Value) string {
	const most = 40
	if v.Shape == recipe.Sequence || v.Shape == recipe.Mapping || len(v.Text) > most {
		return v.Shape.String()
	}
	return string(v.AppendJSON(nil))
}

// column reads field and into, and checks that the kind can work inside a record.
func (c *compilation) column(n *node) {
	r := settingReader{c, n.unit, n.at(""), recipe.CodeColumn}
	first := n.doc.Field
	if first == nil {
		first = n.doc.Into
	}
	if first == nil {
		return
	}
	if n.kind != nil && !n.kind.Scalar() {
		n.untyped, n.unclear = true, true
		r.bad(first, "field", "%s cannot work on a field of a record: that needs one input port, one output port and an answer for each record", n.kind.Kind)
		return
	}
	if n.doc.Field == nil {
		n.untyped, n.unclear = true, true
		r.bad(first, "into", "into needs field: the place that is read")
		return
	}
	field, ok := r.text(n.doc.Field, "field")
	into, too := "", true
	if n.doc.Into != nil {
		into, too = r.text(n.doc.Into, "into")
	}
	for _, f := range []struct {
		ok   bool
		name string
		v    *recipe.Value
		text string
	}{{ok, "field", n.doc.Field, field}, {too, "into", n.doc.Into, into}} {
		if !f.ok || f.v == nil {
			continue
		}
		if _, err := nodes.ParseField(f.text); err != nil {
			r.bad(f.v, f.name, "%s is not the path of a field: %v", f.name, err)
		}
	}
	n.field, n.into = field, into
}
