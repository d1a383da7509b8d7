package progress

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"sluice/recipe"
)

// bar draws one line over and over. Nothing it writes leaves that line.
type bar struct {
	out   io.Writer
	width func() int

	mu    sync.Mutex
	pace  forecast
	line  string // the newest bar; "" before the first
	drawn bool   // it stands on the screen
	mid   bool   // other output has begun a line and not ended it
}

const eraseLine = "\r\x1b[K"

func (b *bar) Show(p recipe.Progress) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.line = barLine(&p, b.pace.left(&p), b.width())
	b.draw()
}

func (b *bar) Close(*recipe.Progress, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.erase()
	b.line = ""
}

func (b *bar) Guard(w io.Writer) io.Writer { return guarded{b, w} }

func (b *bar) draw() {
	if b.line != "" && !b.mid {
		fmt.Fprint(b.out, eraseLine+b.line)
		b.drawn = true
	}
}

func (b *bar) erase() {
	if b.drawn {
		fmt.Fprint(b.out, eraseLine)
		b.drawn = false
	}
}

// guarded takes the bar away for a write and puts it back when the write ended a line.
type guarded struct {
	bar *bar
	w   io.Writer
}

func (g guarded) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	g.bar.mu.Lock()
	defer g.bar.mu.Unlock()
	g.bar.erase()
	n, err := g.w.Write(p)
	g.bar.mid = p[len(p)-1] != '\n'
	g.bar.draw()
	return n, err
}

// barLine returns the bar for a terminal of the given width: name, bar, percent, then
// figures, of which those that don't fit are left out.
func barLine(p *recipe.Progress, left string, width int) string {
	width-- // a full last column would wrap on some terminals
	const barWidth = 24
	line := p.Recipe + " "
	if p.State != recipe.JobRunning {
		line = p.Recipe + " " + string(p.State) + " "
	}
	line += gauge(p, barWidth)
	if p.Fraction >= 0 {
		line += fmt.Sprintf(" %3d%%", percent(p.Fraction))
	}
	for _, f := range append(nonEmpty(left), figures(p)...) {
		if utf8.RuneCountInString(line)+2+len(f) <= width {
			line += "  " + f
		}
	}
	return shorten(line, width)
}

// gauge fills up with the fraction; where that is unknown a mark runs along it.
func gauge(p *recipe.Progress, width int) string {
	cells := []byte(strings.Repeat("-", width))
	if p.Fraction < 0 {
		at := int(p.Elapsed/(200*time.Millisecond)) % (width - 2)
		copy(cells[at:], "===")
	} else {
		for i := range int(min(p.Fraction, 1) * float64(width)) {
			cells[i] = '='
		}
	}
	return "[" + string(cells) + "]"
}
