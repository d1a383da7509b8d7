package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"

	"sluice/coordinator/dead"
	"sluice/internal/bus"
	"sluice/internal/progress"
	"sluice/recipe"
)

const (
	reasonsShown = 3
	lettersRead  = 20_000 // of a job, to tell its reasons
)

// reason is why a node gave records up.
type reason struct {
	node, text string // of the first letter
	count      int64  // of letters with a text of its sort
	same       int64  // of those with its very text
}

// reasons are the reasons of a job's dead letters, the most frequent first.
type reasons struct {
	list []*reason
	more bool // there are letters that were not read
}

// quoted is what differs between letters of one reason: what the record had.
var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|[0-9]+`)

var errEnough = errors.New("enough letters")

// reasonsOf reads why records of a job were given up.
func reasonsOf(ctx context.Context, conn *bus.Conn, id recipe.JobID) (reasons, error) {
	store, err := dead.Open(ctx, conn)
	if err != nil {
		return reasons{}, err
	}
	var all counting
	read := 0
	err = store.Each(ctx, dead.Scope{id: true}, func(l *dead.Letter) error {
		if read++; read > lettersRead {
			all.more = true
			return errEnough
		}
		all.count(l.Node, l.Reason)
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return *all.reasons(), err
}

// counting counts letters by their reasons.
type counting struct {
	list  []*reason
	found map[[2]string]*reason
	more  bool
}

func (c *counting) count(node, text string) {
	key := [2]string{node, quoted.ReplaceAllString(text, "…")}
	if c.found == nil {
		c.found = map[[2]string]*reason{}
	}
	if c.found[key] == nil {
		c.found[key] = &reason{node: node, text: text}
		c.list = append(c.list, c.found[key])
	}
	one := c.found[key]
	one.count++
	if one.text == text {
		one.same++
	}
}

func (c *counting) reasons() *reasons {
	slices.SortStableFunc(c.list, func(a, b *reason) int { return cmp.Compare(b.count, a.count) })
	return &reasons{list: c.list, more: c.more}
}

// print says why records were given up, and where they are.
func (r *reasons) print(w io.Writer, where string) {
	if len(r.list) == 0 {
		return
	}
	for _, one := range r.list[:min(len(r.list), reasonsShown)] {
		fmt.Fprintf(w, "dead: %s: %s%s\n", one.node, visible(one.text), one.times(r.more))
	}
	if n := len(r.list) - reasonsShown; n > 0 {
		fmt.Fprintf(w, "dead: … and other reasons: %d\n", n)
	}
	fmt.Fprintln(w, "dead letters: "+where)
}

// times says how often a text was met, and how many of its sort were that have other values; more
// says that not all were read.
func (r *reason) times(more bool) string {
	least := ""
	if more {
		least = "at least "
	}
	if others := r.count - r.same; others > 0 && r.same == 1 {
		return fmt.Sprintf(", and %s%s more like it", least, progress.Count(others))
	} else if others > 0 {
		return fmt.Sprintf(" (×%s), and %s%s more like it", progress.Count(r.same), least, progress.Count(others))
	}
	return fmt.Sprintf(" (%s×%s)", least, progress.Count(r.same))
}

// whereDead says where the dead letters of a job are.
func whereDead(dir string) string {
	if dir == "" {
		return "gone with the temporary store; --data-dir DIR keeps them for sluice dead list"
	}
	return "listed by: " + shellLine([]string{"dead", "list", "--data-dir", dir})
}
