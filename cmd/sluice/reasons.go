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
	count      int64
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
	var r reasons
	found, read := map[[2]string]*reason{}, 0
	err = store.Each(ctx, dead.Scope{id: true}, func(l *dead.Letter) error {
		if read++; read > lettersRead {
			r.more = true
			return errEnough
		}
		key := [2]string{l.Node, quoted.ReplaceAllString(l.Reason, "…")}
		if found[key] == nil {
			found[key] = &reason{node: l.Node, text: l.Reason}
			r.list = append(r.list, found[key])
		}
		found[key].count++
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	slices.SortStableFunc(r.list, func(a, b *reason) int { return cmp.Compare(b.count, a.count) })
	return r, err
}

// print says why records were given up, and where they are.
func (r *reasons) print(w io.Writer, dir string) {
	if len(r.list) == 0 {
		return
	}
	for _, one := range r.list[:min(len(r.list), reasonsShown)] {
		times := "×" + progress.Count(one.count)
		if r.more {
			times = "at least " + times
		}
		fmt.Fprintf(w, "dead: %s: %s (%s)\n", one.node, visible(one.text), times)
	}
	if n := len(r.list) - reasonsShown; n > 0 {
		fmt.Fprintf(w, "dead: … and other reasons: %d\n", n)
	}
	fmt.Fprintln(w, "dead letters: "+whereDead(dir))
}

// whereDead says where the dead letters of a job are.
func whereDead(dir string) string {
	if dir == "" {
		return "gone with the temporary store; --data-dir DIR keeps them for sluice dead list"
	}
	return "listed by: " + shellLine([]string{"dead", "list", "--data-dir", dir})
}
