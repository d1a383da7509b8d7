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

	mu    sync.Mutex
	pace  pace
	guess forecast
}

func (l *lines) Show(p recipe.Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := l.guess.left(&p)
	if l.pace.due(&p) && !p.State.AtRest() {
		fmt.Fprintln(l.out, plainLine(&p, left))
	}
}

func (l *lines) Close(*recipe.Progress, int) {}

func (l *lines) Guard(w io.Writer) io.Writer { return w }

func plainLine(p *recipe.Progress, left string) string {
	parts := []string{string(p.State)}
	if p.Fraction >= 0 {
		parts = append(parts, fmt.Sprintf("%d%%", percent(p.Fraction)))
	}
	parts = append(parts, nonEmpty(left)...)
	return p.Recipe + ": " + strings.Join(append(parts, figures(p)...), ", ")
}

// events writes snapshots as JSON, one object a line: {"event":"progress",…} while the
// job moves and {"event":"end",…,"exit":CODE} once.
type events struct {
	out io.Writer

	mu   sync.Mutex
	pace pace
}

func (e *events) Show(p recipe.Progress) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.pace.due(&p) && !p.State.AtRest() {
		e.write("progress", &p, nil)
	}
}

func (e *events) Close(last *recipe.Progress, exit int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if last != nil || exit == 0 { // any other code is that of an error, which is told
		e.write("end", last, &exit)
	}
}

func (e *events) Guard(w io.Writer) io.Writer { return w }

func (e *events) write(event string, p *recipe.Progress, exit *int) {
	text, err := json.Marshal(struct {
		Event string `json:"event"`
		*recipe.Progress
		Exit *int `json:"exit,omitempty"`
	}{event, p, exit})
	if err != nil {
		text = fmt.Appendf(nil, `{"event":%q,"reason":%q}`, event, err) // a fraction that is no number
	}
	fmt.Fprintf(e.out, "%s\n", text)
}
