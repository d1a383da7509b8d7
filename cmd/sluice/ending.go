package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"sluice/internal/progress"
	"sluice/recipe"
)

// outcome is how a run ended, and what is needed to say so.
type outcome struct {
	last   recipe.Progress
	before recipe.JobState // of the stored job that was gone on with, "" for a new one
	gaveUp reasons
	resume string          // the command line that goes on
	gone   <-chan struct{} // closed when stdout was
}

// end shows how a run ended and decides the exit code.
func (c *runCmd) end(o *outcome, err error, view progress.View, std streams) error {
	if errors.Is(err, context.Canceled) {
		err = exitError{codeInterrupted, fmt.Errorf("interrupted%s", c.goOn(o, ""))}
	}
	if err != nil {
		return c.close(nil, err, view, std)
	}
	end := c.verdict(o)
	err = c.close(&o.last, end, view, std)
	c.countDead(o.last.Dead(), c.DataDir, std.err)
	if c.silent() {
		return err
	}
	o.gaveUp.print(std.err, whereDead(c.DataDir))
	if o.before == recipe.JobSucceeded {
		fmt.Fprintln(std.err, "the job had succeeded earlier; nothing was run or written")
	}
	return err
}

// verdict is the error that a run ends with, nil when all is well.
func (c *runCmd) verdict(o *outcome) error {
	last := &o.last
	switch {
	case last.State == recipe.JobStopped && isClosed(o.gone):
		return exitError{codeInterrupted, fmt.Errorf("stdout was closed%s", c.goOn(o, "; stopped"))}
	case last.State == recipe.JobStopped && last.Reason != "":
		return exitError{codeFailed, fmt.Errorf("%s%s", c.told(last.Reason, "the job rests"), c.goOn(o, "; with more room"))}
	case last.State == recipe.JobStopped, last.State == recipe.JobCancelled && !o.before.Final():
		return exitError{codeInterrupted, fmt.Errorf("stopped%s", c.goOn(o, ""))}
	case !last.State.Final():
		return exitError{codeInterrupted, fmt.Errorf("%s before the end", last.State)}
	case last.State != recipe.JobSucceeded:
		reason := last.Reason
		if reason == "" {
			reason = "the job " + string(last.State)
		}
		if o.before.Final() {
			earlier := "this job failed earlier"
			if o.before == recipe.JobCancelled {
				earlier = "this job was cancelled earlier"
			}
			return exitError{codeFailed, fmt.Errorf("%s; run without --resume to start anew",
				c.told(last.Recipe+": "+reason+"; "+earlier, earlier))}
		}
		if !c.silent() {
			return exitError{code: codeFailed} // the table has said why
		}
		return exitError{codeFailed, fmt.Errorf("%s: %s", last.Recipe, reason)}
	case last.Dead() > 0 && c.FailOnDead:
		return becameDead(last.Dead())
	}
	return nil
}

// becameDead is the error of --fail-on-dead.
func becameDead(n int64) error {
	return exitError{codeFailed, fmt.Errorf("%s, and --fail-on-dead is given", deadCount(n))}
}

// deadCount says how many records became dead letters.
func deadCount(n int64) string {
	if n == 1 {
		return "1 record became a dead letter"
	}
	return progress.Records(n) + " became dead letters"
}

// countDead tells under --quiet, where there is no table, how many records were given up:
// the exit code is 0 all the same.
func (c *showFlags) countDead(n int64, dir string, w io.Writer) {
	if n > 0 && c.Quiet && !c.JSON {
		fmt.Fprintf(w, "%s; %s\n", deadCount(n), whereDead(dir))
	}
}

// told returns the reason, or what is left to say where the table has told it.
func (c *showFlags) told(reason, rest string) string {
	if c.silent() {
		return reason
	}
	return rest
}

// goOn says how a job at rest goes on.
func (c *runCmd) goOn(o *outcome, lead string) string {
	switch {
	case c.DataDir == "":
		return " before the end; with --data-dir a job can go on later"
	case lead == "":
		return "; go on with: " + o.resume
	}
	return lead + "; go on with: " + o.resume
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// silent reports whether nobody wants to read tables.
func (c *showFlags) silent() bool { return c.Quiet || c.JSON }

// close tidies the view, shows the table of a job that was run (last is nil for one that
// could not be) and returns the error that is left to be told.
func (c *showFlags) close(last *recipe.Progress, end error, view progress.View, std streams) error {
	if c.JSON && last != nil && end != nil {
		code := reportEvents(end, std.err) // the event of the end comes last
		end = exitError{code: code}
	}
	view.Close(last, exitCode(end))
	if last != nil && !c.silent() {
		limit := 0
		if width, terminal := terminalWidth(std.err); terminal {
			limit = width()
		}
		progress.Summary(std.err, *last, limit)
	}
	return end
}

// exitCode returns the code that an error ends the process with.
func exitCode(err error) int {
	var coded exitError
	var faults recipe.Diagnostics
	switch {
	case err == nil:
		return codeDone
	case errors.As(err, &coded) && (coded.err == nil || !errors.As(coded.err, &faults)):
		return coded.code
	case errors.As(err, &faults):
		return codeRefused
	}
	return codeFailed
}

// reportEvents writes an error as events for programs and returns the exit code:
// {"event":"fault",…} for each fault of a recipe, and {"event":"error","exit":CODE,"error":TEXT}
// in any case.
func reportEvents(err error, w io.Writer) int {
	code := exitCode(err)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	var coded exitError
	if errors.As(err, &coded) {
		err = coded.err
	}
	if err == nil {
		return code // all is said
	}
	text := err.Error()
	var faults recipe.Diagnostics
	if errors.As(err, &faults) {
		for _, d := range faults {
			_ = enc.Encode(struct {
				Event string `json:"event"`
				recipe.Diagnostic
			}{"fault", d})
		}
		text = "the recipe is refused"
	}
	_ = enc.Encode(struct {
		Event string `json:"event"`
		Exit  int    `json:"exit"`
		Error string `json:"error"`
	}{"error", code, text})
	return code
}
