package progress

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"

	"sluice/recipe"
)

// lines writes a line every few seconds, for logs and pipes.
type lines struct {
	out io.Writer

	mu   sync.Mutex
	pace pace
}

func (l *lines) Show(p recipe.Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pace.due(&p) && !p.State.AtRest() {
		fmt.Fprintln(l.out, plainLine(&p))
	}
}

func (l *lines) Close(recipe.Progress) {}

func (l *lines) Guard(w io.Writer) io.Writer { return w }

func plainLine(p *recipe.Progress) string {
	parts := []string{string(p.State)}
	if p.Fraction >= 0 {
		parts = append(parts, fmt.Sprintf("%.0f%%", 100*min(p.Fraction, 1)))
	}
	parts = append(parts, Count(p.Read())+" read", Rate(p.Read(), p.Elapsed), Human(p.Elapsed))
	if left, ok := remaining(p); ok {
		parts = append(parts, Human(left)+" left")
	}
	if n := p.Dead(); n > 0 {
		parts = append(parts, Count(n)+" dead")
	}
	if n := p.Lost(); n > 0 {
		parts = append(parts, Count(n)+" dropped or expired")
	}
	return p.Recipe + ": " + strings.Join(parts, ", ")
}

// events writes snapshots as JSON, one object a line: {"event":"progress",…} while the
// job moves and {"event":"end",…} once.
type events struct {
	out io.Writer

	mu   sync.Mutex
	pace pace
}

func (e *events) Show(p recipe.Progress) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.pace.due(&p) && !p.State.AtRest() {
		e.write("progress", &p)
	}
}

func (e *events) Close(p recipe.Progress) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.write("end", &p)
}

func (e *events) Guard(w io.Writer) io.Writer { return w }

func (e *events) write(event string, p *recipe.Progress) {
	text, err := json.Marshal(struct {
		Event string `json:"event"`
		*recipe.Progress
	}{event, p})
	if err != nil {
		text = fmt.Appendf(nil, `{"event":%q,"reason":%q}`, event, err) // a fraction that is no number
	}
	fmt.Fprintf(e.out, "%s\n", text)
}
