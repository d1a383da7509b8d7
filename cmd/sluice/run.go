package main

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"sluice/internal/bus"
	"sluice/internal/progress"
	"sluice/recipe"
)

type runCmd struct {
	File   string   `arg:"" help:"The recipe; - is the standard input."`
	Params []string `short:"p" name:"param" sep:"none" placeholder:"NAME=VALUE" help:"Give a parameter a value. Repeatable."`
	Seed   seed     `placeholder:"N" help:"Seed of the random kinds: the same seed, the same records."`
	storeFlags
	accessFlags
	showFlags
	FailOnDead   bool    `help:"Exit 1 when a record became a dead letter."`
	FrameRecords int     `default:"0" placeholder:"N" help:"Records in a frame, at most; 0 is the usual 256."`
	Workers      int     `default:"0" placeholder:"N" help:"Workers in this process; 0 is one, which uses all processors."`
	FullShare    float64 `default:"0.5" placeholder:"SHARE" help:"Share of a node's readers that must be full, on edges that drop, before the node slows down."`
	LogLevel     string  `default:"warn" enum:"trace,debug,info,warn,error,off" help:"What to log on stderr: trace, debug, info, warn, error or off."`
}

// Help is shown by run --help.
func (runCmd) Help() string {
	return `The job runs durably over an embedded NATS JetStream; no port is opened. stdout carries what
printers print and taps show, stderr the progress and the table at the end.

Ctrl-C stops the job at rest: with --data-dir it goes on later with --resume. A second Ctrl-C
leaves at once.`
}

// storeFlags say where a job is kept.
type storeFlags struct {
	DataDir string `placeholder:"DIR" help:"Keep the job in DIR. Without it the store is a temporary folder, deleted on exit."`
	Resume  bool   `help:"Go on with the job in --data-dir: start when there is none, write nothing when it has finished."`
}

// accessFlags say what the recipe's nodes may reach.
type accessFlags struct {
	Root     string    `placeholder:"DIR" default:"." help:"Folder that paths of the recipe are relative to and confined in."`
	AllowNet []network `sep:"none" placeholder:"CIDR" help:"Let fetching kinds reach these private addresses. Repeatable."`
}

// showFlags say what is shown while the job runs.
type showFlags struct {
	Tap      []string `sep:"none" placeholder:"NODE[.PORT]" help:"Print the records that pass there. Repeatable."`
	Progress string   `default:"auto" enum:"auto,bar,lines,none" help:"How progress is shown: auto, bar, lines or none. auto is a bar on a terminal, else lines."`
	JSON     bool     `name:"json" help:"Write progress and the end as JSON events to stderr, one a line."`
	Quiet    bool     `short:"q" help:"Show neither progress nor the table at the end, only faults and a count of dead letters."`
}

// Run compiles the recipe, runs it and turns its end into an exit code.
func (c runCmd) Run(ctx context.Context, std streams, start starter, args commandLine) error {
	if err := c.check(); err != nil {
		return err
	}
	params, err := readParams(c.Params)
	if err != nil {
		return err
	}
	outlets := map[string][]string{}
	plan, err := compileFile(c.File, c.Root, params, compileFlags{frame: c.FrameRecords, seed: uint64(c.Seed), stdin: std.in, outlets: outlets})
	if err != nil {
		return err
	}
	if reads := slices.IndexFunc(plan.Steps, func(s recipe.Step) bool { return s.Kind == recipe.KindStdin }); c.File == fromStdin && reads >= 0 {
		return usagef("the recipe is read from the standard input, so node %s (stdin) has nothing to read; name the recipe's file", plan.Steps[reads].Node)
	}
	origin, err := originOf(c.Root, args)
	if err != nil {
		return err
	}
	view, err := c.view(std)
	if err != nil {
		return err
	}
	out, release := newOutlet(std.out)
	defer release()
	ctx, stop, release := interrupts(ctx, out.gone)
	defer release()
	o := outcome{resume: args.again(), gone: out.gone}
	same := c.sameJob(plan, origin)
	o.last, err = start(ctx, job{
		plan: plan, outlets: outlets, flags: c, origin: origin, stop: stop, show: view.Show,
		accept: func(rec *bus.JobRecord) error { o.before = rec.State; return same(rec) },
		gaveUp: func(r reasons) { o.gaveUp = r },
		in:     std.in, out: view.Guard(out), err: view.Guard(std.err),
	})
	return c.end(&o, err, view, std)
}

// check refuses flags that can't be meant.
func (c *runCmd) check() error {
	switch {
	case c.Resume && c.DataDir == "":
		return usagef("--resume needs --data-dir: without it nothing is kept that could go on")
	case c.FrameRecords < 0 || c.FrameRecords > recipe.FrameRecords:
		return usagef("--frame-records is %d; a frame has from 1 to %d records", c.FrameRecords, recipe.FrameRecords)
	case c.Workers < 0 || c.Workers > mostWorkers:
		return usagef("--workers is %d; a process has from 1 to %d workers", c.Workers, mostWorkers)
	case c.FullShare <= 0 || c.FullShare > 1:
		return usagef("--full-share is %v; it is above 0 and at most 1", c.FullShare)
	}
	return nil
}

// mostWorkers bounds --workers: each has a connection and instances of all nodes.
const mostWorkers = 64

// view picks how progress is shown.
func (c *showFlags) view(std streams) (progress.View, error) {
	width, onTerminal := terminalWidth(std.err)
	mode := progress.Mode(c.Progress)
	switch {
	case c.JSON:
		mode = progress.JSON
	case c.Quiet:
		mode = progress.None
	case mode == "auto" && onTerminal:
		mode = progress.Bar
	case mode == "auto":
		mode = progress.Lines
	}
	return progress.New(progress.Config{Mode: mode, Out: std.err, Width: width})
}

// terminalWidth returns what asks for the columns of a terminal, and whether w is one.
func terminalWidth(w io.Writer) (width func() int, terminal bool) {
	file, isFile := w.(*os.File)
	terminal = isFile && term.IsTerminal(int(file.Fd()))
	return func() int {
		if terminal {
			if w, _, err := term.GetSize(int(file.Fd())); err == nil && w > 0 {
				return w
			}
		}
		return 80
	}, terminal
}

// readParams reads NAME=VALUE pairs.
func readParams(pairs []string) (map[string]string, error) {
	params := map[string]string{}
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, usagef("-p %s: a parameter is given as NAME=VALUE", pair)
		}
		if _, twice := params[name]; twice {
			return nil, usagef("-p %s: the parameter is given twice", name)
		}
		params[name] = value
	}
	return params, nil
}
