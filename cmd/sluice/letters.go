package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"sluice/coordinator"
	"sluice/coordinator/dead"
	"sluice/internal/bus"
	"sluice/internal/solo"
	"sluice/recipe"
)

// localDead reads and replays the dead letters of a data folder, which no other process
// may use meanwhile.
type localDead struct{}

// openLetters starts the server of a data folder. The caller closes the host.
func openLetters(ctx context.Context, dir string) (*solo.Host, *dead.Store, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, nil, usagef("--data-dir %s: there is no such folder", dir)
	}
	if info, err := os.Stat(filepath.Join(dir, bus.StoreDir)); err != nil || !info.IsDir() {
		return nil, nil, usagef("no job is stored in %s", dir)
	}
	host, err := solo.Open(ctx, solo.Config{Dir: dir})
	if err != nil {
		return nil, nil, localError(err, dir)
	}
	store, err := dead.Open(ctx, host.Conn())
	if err != nil {
		host.Close()
		return nil, nil, err
	}
	if len(store.Nodes()) == 0 {
		host.Close()
		return nil, nil, usagef("no job is stored in %s", dir)
	}
	return host, store, nil
}

// checkNode refuses a --node that no stored job has.
func checkNode(node string, store *dead.Store) error {
	if node == "" {
		return nil
	}
	names := store.Nodes()
	if slices.Contains(names, node) {
		return nil
	}
	if near := recipe.DidYouMean(node, names); near != "" {
		return usagef("--node %s: no job there has such a node; %s", node, near)
	}
	return usagef("--node %s: no job there has such a node; they have %s", node, strings.Join(names, ", "))
}

// listed is a row of the list. The names are what scripts rely on.
type listed struct {
	ID       string `json:"id"`
	Job      string `json:"job"`
	Node     string `json:"node"`
	Kind     string `json:"kind"`
	Attempts int    `json:"attempts"`
	Reason   string `json:"reason"`
	Place    string `json:"place,omitempty"`
	Replayed string `json:"replayed_by,omitempty"`
}

// tableRows is how many rows of a table are held back to align them.
const tableRows = 1000

// List prints a row for each letter.
func (localDead) List(ctx context.Context, c deadListCmd, std streams) error {
	host, store, err := openLetters(ctx, c.DataDir)
	if err != nil {
		return err
	}
	defer host.Close()
	if err := checkNode(c.Node, store); err != nil {
		return err
	}
	scope, err := c.scope(store)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	rows := 0
	err = store.Each(ctx, scope, func(l *dead.Letter) error {
		if c.Node != "" && l.Node != c.Node {
			return nil
		}
		if !c.table() {
			rows++
			return c.item(std.out, listed{l.Name, string(l.Job), l.Node, l.Kind, l.Attempts, l.Reason, l.Place, string(l.Replayed)})
		}
		if rows%tableRows == 0 {
			if err := table.Flush(); err != nil {
				return err
			}
			fmt.Fprintln(table, "ID\tNODE\tATTEMPTS\tREPLAYED\tREASON")
		}
		rows++
		replayed := "no"
		if l.Replayed != "" {
			replayed = "yes"
		}
		_, err := fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\n", l.Name, l.Node, l.Attempts, replayed, visible(l.Reason))
		return err
	})
	if err == nil {
		err = table.Flush()
	}
	if err != nil || !c.table() {
		return err
	}
	if rows == 0 {
		fmt.Fprintln(std.err, "no dead letters")
	}
	if others := store.Others(scope); len(others) > 0 && c.Job == "" {
		fmt.Fprintf(std.err, "other jobs there have dead letters too; --job JOB lists them: %s\n", jobList(others))
	}
	return nil
}

// shown is a letter with all that is known of it.
type shown struct {
	Name string `json:"id"`
	*bus.DeadLetter
	From     *dead.From `json:"from,omitempty"`
	Replayed string     `json:"replayed_by,omitempty"`
}

// Show prints letters whole.
func (localDead) Show(ctx context.Context, c deadShowCmd, std streams) error {
	host, store, err := openLetters(ctx, c.DataDir)
	if err != nil {
		return err
	}
	defer host.Close()
	scope, err := c.scope(store)
	if err != nil {
		return err
	}
	asked, err := findWanted(ctx, c.IDs, store, scope, c.DataDir)
	if err != nil {
		return err
	}
	return store.Each(ctx, nil, func(l *dead.Letter) error {
		if !asked.has(l) {
			return nil
		}
		if err := store.Whole(ctx, &l.DeadLetter); err != nil {
			return err
		}
		from, err := store.From(ctx, l)
		if err != nil {
			return err
		}
		if !c.table() {
			return c.item(std.out, shown{l.Name, &l.DeadLetter, from, string(l.Replayed)})
		}
		return printLetter(std.out, wholeOf(l), from)
	})
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// wholeOf is a letter of a folder as a coordinator shows it.
func wholeOf(l *dead.Letter) *coordinator.DeadLetterWhole {
	return &coordinator.DeadLetterWhole{Type: l.Type, Record: l.Record, Raw: l.Raw,
		DeadLetter: coordinator.DeadLetter{ID: l.Name, Job: l.Job, Node: l.Node, Kind: l.Kind, Attempts: l.Attempts, Reason: l.Reason,
			Place: l.Place, At: l.At, Replayed: l.Replayed}}
}

func printLetter(w io.Writer, l *coordinator.DeadLetterWhole, from *dead.From) error {
	rows := [][2]string{
		{"id", l.ID}, {"job", string(l.Job)}, {"node", l.Node + " (" + l.Kind + ")"}, {"reason", visible(l.Reason)},
		{"attempts", strconv.Itoa(l.Attempts)}, {"at", l.At.Format("2006-01-02T15:04:05Z07:00")},
		{"place", visible(l.Place)}, {"from", fromText(from)}, {"type", string(l.Type)}, {"replayed by", string(l.Replayed)},
		{"record", string(l.Record)},
	}
	if l.Raw != nil {
		rows[len(rows)-1][1] = strconv.Quote(string(l.Raw))
	}
	var b strings.Builder
	for _, row := range rows {
		if row[1] != "" {
			fmt.Fprintf(&b, "%-12s %s\n", row[0]+":", row[1])
		}
	}
	_, err := fmt.Fprintln(w, b.String())
	return err
}

// fromText says out of what a record was made. The numbers are those of the letter's id.
func fromText(f *dead.From) string {
	if f == nil {
		return ""
	}
	of := ""
	if len(f.Of) > 0 {
		of = " " + visible(string(f.Of))
	}
	return fmt.Sprintf("source %s, split %d%s, frame %d, record %d of the frame (from 0)", f.Source, f.Split, of, f.Frame, f.Record)
}

// visible makes a text safe for a terminal and one line long: it may quote what a stranger
// wrote into a log.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '·'
		}
		return r
	}, s)
}
