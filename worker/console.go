package worker

import (
	"bytes"
	"encoding/json"
	"io"
	"sync"
	"time"
	"unicode/utf8"

	"sluice/internal/bus"
	"sluice/recipe"
)

// Bounds of what printers print to the coordinators: it is for people who watch.
const (
	printBytes = 16 << 10               // of one message, and of what waits to be sent
	printLine  = 4 << 10                // of one line; the rest is cut off
	printEvery = 100 * time.Millisecond // between two messages of a node, so that it has 160 KiB a second
)

// console is where a printer prints in a cluster: lines go to the coordinators on a subject of
// the job. A write never waits: beyond the bounds lines are counted and not shown.
type console struct {
	r    *jobRun
	node string

	mu   sync.Mutex
	text []byte      // whole lines that wait; guarded by mu, as all below
	lost int         // lines that found no room
	last time.Time   // when lines were sent
	due  *time.Timer // nil while nothing waits
}

// console returns what the step prints to, nil for nothing.
func (r *jobRun) console(step *recipe.Step) io.Writer {
	switch c := &r.w.cfg; {
	case c.Console != nil:
		return c.Console
	case c.Announce == nil:
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.consoles == nil {
		r.consoles = map[int]*console{}
	}
	if r.consoles[step.ID] == nil {
		r.consoles[step.ID] = &console{r: r, node: step.Node}
	}
	return r.consoles[step.ID]
}

// Write implements io.Writer. A frame is one write, of whole lines.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for rest := p; len(rest) > 0; {
		line, after, _ := bytes.Cut(rest, []byte{'\n'})
		rest = after
		cut := len(line) > printLine
		if cut {
			line = line[:printLine]
		}
		if len(c.text)+len(line)+len("…\n") > printBytes {
			c.lost++
			continue
		}
		c.text = append(c.text, line...)
		if cut {
			for range utf8.UTFMax - 1 { // a character that was cut in two
				if r, size := utf8.DecodeLastRune(c.text); r != utf8.RuneError || size != 1 {
					break
				}
				c.text = c.text[:len(c.text)-1]
			}
			c.text = append(c.text, "…"...)
		}
		c.text = append(c.text, '\n')
	}
	if c.due == nil { // the first lines go at once: a short job ends behind them
		c.due = time.AfterFunc(max(0, printEvery-time.Since(c.last)), c.send)
	}
	return len(p), nil
}

// send sends what waits. Only a server that takes nothing any more can hold it up, and then no
// step: lines find no room meanwhile.
func (c *console) send() {
	c.mu.Lock()
	text, lost := string(c.text), c.lost
	c.text, c.lost = c.text[:0], 0
	c.mu.Unlock()
	if text != "" || lost > 0 {
		data, _ := json.Marshal(bus.Printed{Worker: c.r.w.cfg.Name, Node: c.node, Text: c.r.mask.hide(text), Lost: lost})
		_ = c.r.conn.Send(c.r.names.Console(), data) // who is cut off shows nothing
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last, c.due = time.Now(), nil
	if len(c.text) > 0 || c.lost > 0 {
		c.due = time.AfterFunc(printEvery, c.send)
	}
}

// close sends the last lines at once.
func (c *console) close() {
	c.mu.Lock()
	stopped := c.due != nil && c.due.Stop()
	c.mu.Unlock()
	if stopped {
		c.send()
	}
}

// closeConsoles sends what the job's printers have printed last.
func (r *jobRun) closeConsoles() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.consoles {
		c.close()
	}
}
