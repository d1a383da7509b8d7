package draw

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"sluice/recipe"
)

// Text writes the whole plan: steps, edges, streams, limits.
func Text(w io.Writer, p *recipe.Plan) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "recipe %s\n", p.Recipe)
	if p.Description != "" {
		fmt.Fprintf(&b, "  %s\n", strings.TrimSpace(p.Description))
	}
	fmt.Fprint(&b, "\nsteps\n")
	tab := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for i := range p.Steps {
		s := &p.Steps[i]
		fmt.Fprintf(tab, "  %d\t%s\t%s\t%s\t%s\t%s\n", s.ID, s.Node, s.Kind, s.Role, ways(s), stepLimits(s))
	}
	tab.Flush()
	fmt.Fprint(&b, "\nsettings\n")
	tab = tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for i := range p.Steps {
		s := &p.Steps[i]
		fmt.Fprintf(tab, "  %s\t%s\n", s.Node, settings(s))
	}
	tab.Flush()
	fmt.Fprint(&b, "\nedges\n")
	tab = tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for i := range p.Edges {
		e := &p.Edges[i]
		fmt.Fprintf(tab, "  %s\t%s -> %s\t%s\t%s\t%s\n", e.ID, outlet(p, e), inlet(p, e), e.Type, e.Subject, edgeLimits(e))
	}
	tab.Flush()
	fmt.Fprint(&b, "\nstreams\n")
	tab = tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for i := range p.Streams {
		s := &p.Streams[i]
		ttl := "keeps frames until they are read"
		if s.TTL > 0 {
			ttl = "keeps frames for " + s.TTL.String()
		}
		fmt.Fprintf(tab, "  %s\t%d edges\t%d frames a subject\t%s\n", s.Name, len(s.Edges), s.Limit, ttl)
	}
	tab.Flush()
	writeLimits(&b, p)
	_, err := w.Write(trimLines(b.Bytes()))
	return err
}

func writeLimits(b *bytes.Buffer, p *recipe.Plan) {
	var frames int64
	for i := range p.Edges {
		frames += int64(p.Edges[i].Limit)
	}
	fmt.Fprint(b, "\nlimits\n")
	fmt.Fprintf(b, "  a frame has at most %d records or %d KiB\n", p.Frame.Records, p.Frame.Bytes>>10)
	fmt.Fprintf(b, "  a source has %d splits open, %d frames of each on their way to ordered steps\n", p.Window.Splits, p.Window.Frames)
	fmt.Fprintf(b, "  the edges hold at most %d frames, about %d MiB\n", frames, (frames*int64(p.Frame.Bytes)+1<<20-1)>>20)
}

// ways says where a step's frames come from and go.
func ways(s *recipe.Step) string {
	join := func(ids []recipe.EdgeID) string {
		words := make([]string, len(ids))
		for i, id := range ids {
			words[i] = string(id)
		}
		return strings.Join(words, ",")
	}
	text := join(s.In) + " -> " + join(s.Out)
	if len(s.Unread) > 0 {
		text += " (unread: " + strings.Join(s.Unread, ", ") + ")"
	}
	return strings.TrimSpace(text)
}

func stepLimits(s *recipe.Step) string {
	parts := []string{
		fmt.Sprintf("parallel %d", s.Parallel),
		fmt.Sprintf("on_error %s", s.OnError),
		fmt.Sprintf("%d attempts from %s", s.Retry.Attempts, s.Retry.Backoff),
		fmt.Sprintf("max_dead %d", s.MaxDead),
	}
	if len(s.Lanes) > 1 {
		parts = append(parts, fmt.Sprintf("%d lanes", len(s.Lanes)))
	}
	if s.Pool != "" {
		parts = append(parts, "pool "+s.Pool)
	}
	return strings.Join(parts, ", ")
}

func settings(s *recipe.Step) string {
	text := string(s.Config)
	if text == "" {
		text = "{}"
	}
	if s.Field != "" {
		text += fmt.Sprintf(" field %s", s.Field)
	}
	if s.Into != "" {
		text += fmt.Sprintf(" into %s", s.Into)
	}
	return text
}

func edgeLimits(e *recipe.Edge) string {
	text := fmt.Sprintf("capacity %d, %s", e.Capacity, e.Overflow)
	if e.TTL > 0 {
		text += ", ttl " + e.TTL.String()
	}
	return text + fmt.Sprintf(", holds %d, %d in hand", e.Limit, e.InHand)
}

func outlet(p *recipe.Plan, e *recipe.Edge) string {
	s := &p.Steps[e.From]
	return s.Node + "." + s.Outputs[e.FromPort].Name
}

func inlet(p *recipe.Plan, e *recipe.Edge) string {
	s := &p.Steps[e.To]
	return s.Node + "." + s.Inputs[e.ToPort].Name
}

// trimLines takes away the blanks that the columns leave at ends of lines.
func trimLines(text []byte) []byte {
	lines := bytes.Split(text, []byte("\n"))
	for i := range lines {
		lines[i] = bytes.TrimRight(lines[i], " ")
	}
	return bytes.Join(lines, []byte("\n"))
}
