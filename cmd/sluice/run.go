package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"strings"

	"golang.org/x/term"

	"sluice/internal/progress"
	"sluice/recipe"
)

type runCmd struct {
	File   string   `arg:"" help:"The recipe."`
	Params []string `short:"p" name:"param" sep:"none" placeholder:"NAME=VALUE" help:"Give a parameter a value. Repeatable."`
	Seed   uint64   `help:"Seed of the random kinds: the same seed, the same records."`
	storeFlags
	accessFlags
	showFlags
	FailOnDead   bool    `help:"Exit 1 when a record became a dead letter."`
	FrameRecords int     `default:"0" placeholder:"N" help:"Records in a frame, at most; 0 is the usual 256."`
	Workers      int     `default:"0" placeholder:"N" help:"Frames worked on at once by this process; 0 is two for each processor."`
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
	Root     string         `placeholder:"DIR" default:"." help:"Folder that paths of the recipe are relative to and confined in."`
	AllowNet []netip.Prefix `sep:"none" placeholder:"CIDR" help:"Let fetching kinds reach these private addresses. Repeatable."`
}

// showFlags say what is shown while the job runs.
type showFlags struct {
	Tap      []string `sep:"none" placeholder:"NODE[.PORT]" help:"Print the records that pass there. Repeatable."`
	Progress string   `default:"auto" enum:"auto,bar,lines,none" help:"How progress is shown: auto, bar, lines or none. auto is a bar on a terminal, else lines."`
	JSON     bool     `name:"json" help:"Write progress and the end as JSON events to stderr, one a line."`
	Quiet    bool     `short:"q" help:"Show neither progress nor the table at the end, only faults."`
}

// Run compiles the recipe, runs it and turns its end into an exit code.
func (c runCmd) Run(ctx context.Context, std streams, start starter) error {
	if c.Resume && c.DataDir == "" {
		return usagef("--resume needs --data-dir: without it nothing is kept that could go on")
	}
	if c.FrameRecords < 0 || c.FrameRecords > recipe.FrameRecords {
		return usagef("--frame-records is %d; a frame has from 1 to %d records", c.FrameRecords, recipe.FrameRecords)
	}
	if c.FullShare <= 0 || c.FullShare > 1 {
		return usagef("--full-share is %v; it is above 0 and at most 1", c.FullShare)
	}
	params, err := readParams(c.Params)
	if err != nil {
		return err
	}
	plan, err := compileFile(c.File, c.Root, params, compileFlags{frame: c.FrameRecords, seed: c.Seed})
	if err != nil {
		return err
	}
	view, err := c.view(std)
	if err != nil {
		return err
	}
	ctx, stop, release := interrupts(ctx)
	defer release()
	last, err := start(ctx, job{
		plan: plan, flags: c, stop: stop, show: view.Show,
		in: std.in, out: view.Guard(std.out), err: view.Guard(std.err),
	})
	view.Close(last)
	return c.end(last, err, std)
}

// view picks how progress is shown.
func (c *showFlags) view(std streams) (progress.View, error) {
	file, isFile := std.err.(*os.File)
	onTerminal := isFile && term.IsTerminal(int(file.Fd()))
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
	width := func() int {
		if onTerminal {
			if w, _, err := term.GetSize(int(file.Fd())); err == nil && w > 0 {
				return w
			}
		}
		return 80
	}
	return progress.New(progress.Config{Mode: mode, Out: std.err, Width: width})
}

// end shows the table and decides the exit code.
func (c *runCmd) end(last recipe.Progress, err error, std streams) error {
	if err != nil {
		return err
	}
	if !c.Quiet && !c.JSON {
		progress.Summary(std.err, last)
	}
	dead := last.Dead()
	switch {
	case last.State == recipe.JobStopped && last.Reason != "":
		return exitError{codeFailed, c.noRoom(last.Reason)}
	case last.State == recipe.JobStopped && c.DataDir != "":
		return exitError{codeInterrupted, fmt.Errorf("stopped; go on with: sluice run %s --data-dir %s --resume", c.File, c.DataDir)}
	case !last.State.Final():
		return exitError{codeInterrupted, fmt.Errorf("%s before the end", last.State)}
	case last.State != recipe.JobSucceeded:
		reason := last.Reason
		if reason == "" {
			reason = "the job " + string(last.State)
		}
		if !c.Quiet && !c.JSON {
			return exitError{code: codeFailed} // the table has said why
		}
		return exitError{codeFailed, fmt.Errorf("%s: %s", last.Recipe, reason)}
	case dead > 0 && c.FailOnDead:
		return exitError{codeFailed, fmt.Errorf("%s records became dead letters, and --fail-on-dead is given", progress.Count(dead))}
	}
	return nil
}

// noRoom says what to do about a job that rests for want of room on a disk.
func (c *runCmd) noRoom(reason string) error {
	if !c.Quiet && !c.JSON {
		reason = "the job rests" // the table has said why
	}
	if c.DataDir != "" {
		return fmt.Errorf("%s; with more room go on with: sluice run %s --data-dir %s --resume", reason, c.File, c.DataDir)
	}
	return fmt.Errorf("%s; a job with --data-dir could go on with more room", reason)
}

// interrupts returns a channel that is closed by the first Ctrl-C or SIGTERM, and a
// context that the second one ends.
func interrupts(parent context.Context) (ctx context.Context, stop <-chan struct{}, release func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, terminate)
	asked := make(chan struct{})
	go func() {
		select {
		case <-signals:
			close(asked)
		case <-ctx.Done():
			return
		}
		select {
		case <-signals:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, asked, func() { signal.Stop(signals); cancel() }
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
