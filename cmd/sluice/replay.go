package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"sluice/coordinator/compile"
	"sluice/coordinator/dead"
	"sluice/internal/bus"
	"sluice/internal/progress"
	"sluice/internal/solo"
	"sluice/nodes"
	"sluice/nodes/all"
	"sluice/nodes/net"
	"sluice/recipe"
)

// Replay goes on with a replay that was interrupted, then replays what is asked for: a job
// for each node that gave letters up.
func (localDead) Replay(ctx context.Context, c deadReplayCmd, std streams, args commandLine) error {
	host, store, err := openLetters(ctx, c.DataDir)
	if err != nil {
		return err
	}
	defer host.Close()
	root, err := os.OpenRoot(c.Root)
	if err != nil {
		return usagef("--root %s: %w", c.Root, err)
	}
	defer root.Close()
	catalogue, err := all.Catalogue().With(store.Source())
	if err != nil {
		return err
	}
	origin, err := originOf(c.Root, args)
	if err != nil {
		return err
	}
	out, release := newOutlet(std.out)
	defer release()
	ctx, stop, release := interrupts(ctx, out.gone)
	defer release()
	std.out = out
	r := &replayer{deadReplayCmd: c, host: host, store: store, root: root, origin: origin, catalogue: catalogue, stop: stop, std: std}
	if err := checkNode(c.Node, store); err != nil {
		return err
	}
	defer func() { r.countDead(r.dead, r.DataDir, r.std.err) }()
	if err := r.goOn(ctx); err != nil {
		return err
	}
	planned, err := r.plan(ctx)
	if err != nil {
		return err
	}
	for i := range planned {
		if err := r.replay(ctx, &planned[i]); err != nil {
			return err
		}
	}
	if !r.ran {
		view, err := r.view(std)
		if err != nil {
			return err
		}
		view.Close(nil, codeDone)
	}
	r.say("dead letters replayed: %s", progress.Count(r.done))
	if r.FailOnDead && r.dead > 0 {
		return becameDead(r.dead)
	}
	return nil
}

type replayer struct {
	deadReplayCmd
	host      *solo.Host
	store     *dead.Store
	root      *os.Root
	origin    bus.Origin
	catalogue *nodes.Catalogue
	stop      <-chan struct{}
	std       streams
	done      int64 // letters
	ran       bool  // a job was run
	dead      int64 // letters that the replays made
}

// say tells something that is no fault.
func (r *replayer) say(format string, args ...any) {
	if !r.Quiet && !r.JSON {
		fmt.Fprintf(r.std.err, format+"\n", args...)
	}
}

// goOn finishes a replay that was interrupted. A job that is no replay stands in the way.
func (r *replayer) goOn(ctx context.Context) error {
	rec := r.store.Unfinished()
	switch {
	case rec == nil:
		return nil
	case rec.Parent == "":
		return usagef("%s: job %s of recipe %s is %s, and its dead letters are replayed when it is at its end; go on with: %s",
			r.DataDir, rec.Job, rec.Plan.Recipe, rec.State, goOnLine(rec, r.origin, r.DataDir))
	}
	if err := sameRoot(rec, r.origin, r.DataDir); err != nil {
		return err
	}
	r.say("going on with replay %s, which was interrupted", rec.Job)
	if err := r.run(ctx, rec.Job, rec.Parent, rec.Plan); err != nil {
		return err
	}
	return r.store.Refresh(ctx)
}

// sameFiles refuses letters of a job that ran under another root: what its sinks wrote, to
// which a replay adds, is there.
func (r *replayer) sameFiles(rec *bus.JobRecord) error {
	was := rec.Origin.Root
	if was == "" || was == r.origin.Root {
		return nil
	}
	there := r.deadReplayCmd
	there.Root = was
	return usagef("the dead letters are of a job that ran under the root %s, and not under %s: its files are there; replay them with: %s",
		was, r.origin.Root, there.line(r.IDs))
}

// planned is a replay that can be run.
type planned struct {
	batch *dead.Batch
	plan  *recipe.Plan
}

// plan picks the letters and makes the plans, so that what is refused is refused before
// anything runs.
func (r *replayer) plan(ctx context.Context) ([]planned, error) {
	scope, err := r.scope(r.store)
	if err != nil {
		return nil, err
	}
	asked, err := findWanted(ctx, r.IDs, r.store, scope, r.DataDir)
	if err != nil {
		return nil, err
	}
	unreadable, within := 0, scope
	if len(r.IDs) > 0 {
		within = nil // they say their jobs
	}
	batches, err := r.store.Batches(ctx, within, func(l *dead.Letter) (bool, error) {
		switch {
		case r.Node != "" && l.Node != r.Node, len(r.IDs) > 0 && !asked.has(l):
			return false, nil
		case l.Replayed != "" && len(r.IDs) > 0:
			return false, usagef("dead letter %s has been replayed already, by job %s", l.Name, l.Replayed)
		case l.Port == "" && len(r.IDs) > 0:
			return false, usagef("dead letter %s is of a source: it was given up before it was a record, so there is nothing to give to %s again", l.Name, l.Node)
		case l.Port == "":
			unreadable++
			return false, nil
		}
		return l.Replayed == "", nil
	})
	if err != nil {
		return nil, err
	}
	if unreadable > 0 {
		r.say("dead letters of sources, left out because they were given up before they were records: %s", progress.Count(int64(unreadable)))
	}
	if others := r.store.Others(scope); len(others) > 0 && r.Job == "" && len(r.IDs) == 0 {
		r.say("other jobs there have dead letters too, which are left out; --job JOB replays them: %s", jobList(others))
	}
	var list []planned
	for _, b := range batches {
		if err := r.sameFiles(b.Job); err != nil {
			return nil, err
		}
		p, err := r.store.Plan(b, r.catalogue)
		if err != nil {
			return nil, usagef("the dead letters of %s can't be replayed: %w; --node replays those of another node alone", b.Job.Plan.Steps[b.Step].Node, err)
		}
		if ordered := compile.OrderedBelow(p); len(ordered) > 0 && !r.Force {
			return nil, usagef("the records would reach %s late and out of their order, on which the answers there depend; --force replays them all the same",
				strings.Join(ordered, " and "))
		}
		list = append(list, planned{b, p})
	}
	return list, nil
}

// replay claims a batch and runs its job.
func (r *replayer) replay(ctx context.Context, p *planned) error {
	child := solo.NewID()
	if err := r.store.Claim(ctx, p.batch, child); err != nil {
		return err
	}
	if err := r.run(ctx, child, p.batch.Job.Job, p.plan); err != nil {
		return err
	}
	r.done += int64(p.batch.Letters)
	return nil
}

// run runs the job of a replay to its end. Any other end than success is an error.
func (r *replayer) run(ctx context.Context, id, parent recipe.JobID, plan *recipe.Plan) error {
	r.ran = true
	view, err := r.view(r.std)
	if err != nil {
		return err
	}
	out := view.Guard(r.std.out)
	taps, err := newTaps(r.Tap, plan, nil, out)
	if err != nil {
		return err
	}
	last, err := r.host.Run(ctx, solo.Config{
		Job: id, Parent: parent, Origin: r.origin, Plan: plan, Catalogue: r.catalogue, Root: r.root, Dial: (&net.Guard{Allow: r.allowed()}).Dial,
		Console: out, Secret: secretFromEnv, Show: view.Show, Stop: r.stop,
		Watch: func(conn *bus.Conn, id recipe.JobID, _ *recipe.Plan) (func(), error) {
			return taps.watch(conn, id, plan)
		},
	})
	if errors.Is(err, context.Canceled) {
		err = exitError{codeInterrupted, fmt.Errorf("stopped; go on with: %s", r.again())}
	}
	if err != nil {
		return r.close(nil, err, view, r.std)
	}
	switch {
	case !last.State.Final():
		err = exitError{codeInterrupted, fmt.Errorf("stopped; go on with: %s", r.again())}
	case last.State != recipe.JobSucceeded:
		err = exitError{codeFailed, fmt.Errorf("the replay %s: %s", last.State, last.Reason)}
	}
	err = r.close(&last, err, view, r.std)
	r.dead += last.Dead()
	if last.Dead() == 0 || r.silent() {
		return err
	}
	why, whyErr := reasonsOf(ctx, r.host.Conn(), last.Job)
	if whyErr == nil {
		why.print(r.std.err, r.DataDir)
	}
	return cmp.Or(err, whyErr)
}
