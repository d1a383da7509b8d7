package recipe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// JSON returns the plan as indented JSON with a final newline: the same bytes for the
// same plan.
func (p *Plan) JSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(p); err != nil {
		return nil, fmt.Errorf("plan %s: %w", p.Recipe, err)
	}
	return b.Bytes(), nil
}

// Text returns the plan for people: its steps, its edges with their subjects and
// limits, and its streams. {job} stands for the job's id.
func (p *Plan) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "recipe %s: %s, %s, %s\n", orUnnamed(p.Recipe), count(len(p.Steps), "step"), count(len(p.Edges), "edge"), count(len(p.Streams), "stream"))
	fmt.Fprintf(&b, "frames of at most %d records or %d bytes; %d splits open, %d frames of each in flight; seed %d\n",
		p.Frame.Records, p.Frame.Bytes, p.Window.Splits, p.Window.Frames, p.Seed)
	for _, s := range p.Saved {
		fmt.Fprintf(&b, "made of the saved recipe %s@%d\n", s.Name, s.Version)
	}
	p.table(&b, "\nSTEP\tNODE\tKIND\tROLE\tIN\tOUT\tLANES\tSETTINGS", len(p.Steps), func(i int) string { return p.stepRow(&p.Steps[i]) })
	p.table(&b, "\nEDGE\tFROM\tTO\tTYPE\tSUBJECT\tSTREAM\tLIMIT\tIN HAND\tWHEN FULL", len(p.Edges), func(i int) string { return p.edgeRow(&p.Edges[i]) })
	p.table(&b, "\nSTREAM\tFRAMES A SUBJECT\tMAX AGE\tEDGES", len(p.Streams), func(i int) string {
		s := &p.Streams[i]
		return fmt.Sprintf("%s\t%d\t%s\t%s", s.Name, s.Limit, age(s.TTL), edgeNames(s.Edges))
	})
	return b.String()
}

func (p *Plan) table(b *strings.Builder, head string, rows int, row func(int) string) {
	if rows == 0 {
		return
	}
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, head)
	for i := range rows {
		fmt.Fprintln(w, row(i))
	}
	w.Flush() // to a strings.Builder, which takes everything
}

func (p *Plan) stepRow(s *Step) string {
	var set []string
	if s.Field != "" {
		set = append(set, "field "+s.Field)
	}
	if s.Into != "" {
		set = append(set, "into "+s.Into)
	}
	if string(s.Config) != "{}" {
		set = append(set, string(s.Config))
	}
	if len(s.Unread) > 0 {
		set = append(set, "unread "+strings.Join(s.Unread, " "))
	}
	role := string(s.Role)
	if s.Sink {
		role = "sink"
	}
	return fmt.Sprintf("%d\t%s\t%s\t%s\t%s\t%s\t%d\t%s", s.ID, s.Node, s.Kind, role, orDash(edgeNames(s.In)), orDash(edgeNames(s.Out)), len(s.Lanes), orDash(strings.Join(set, ", ")))
}

func (p *Plan) edgeRow(e *Edge) string {
	full := string(e.Overflow)
	if e.TTL > 0 {
		full += ", expires after " + e.TTL.String()
	}
	return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%s", e.ID, p.outlet(e), p.inlet(e), e.Type, e.Subject, p.Streams[e.Stream].Name, e.Limit, e.InHand, full)
}

func (p *Plan) outlet(e *Edge) string {
	s := &p.Steps[e.From]
	return s.Node + "." + s.Outputs[e.FromPort].Name
}

func (p *Plan) inlet(e *Edge) string {
	s := &p.Steps[e.To]
	return s.Node + "." + s.Inputs[e.ToPort].Name
}

func edgeNames(ids []EdgeID) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = string(id)
	}
	return strings.Join(names, " ")
}

func age(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return d.String()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func orUnnamed(s string) string {
	if s == "" {
		return "(unnamed)"
	}
	return s
}

// count returns n with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
