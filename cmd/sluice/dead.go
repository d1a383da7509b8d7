package main

import (
	"context"

	"github.com/alecthomas/kong"

	"sluice/cmd/sluice/settings"
)

type deadCmd struct {
	List   deadListCmd   `cmd:"" help:"List the dead letters: id, node, attempts, reason."`
	Show   deadShowCmd   `cmd:"" help:"Show dead letters whole, with their records."`
	Replay deadReplayCmd `cmd:"" help:"Run the graph below their node with the dead letters as its source."`
	Purge  deadPurgeCmd  `cmd:"" help:"Delete dead letters of a job in a cluster for good."`
}

// Help is shown by dead --help.
func (deadCmd) Help() string {
	return `With --data-dir the letters are those of a job that sluice run keeps there, and no other process may
use the folder meanwhile. Without it they are those of a job in a cluster.`
}

// whereFlags say where the job of the letters is: in a folder, or in a cluster.
type whereFlags struct {
	DataDir string `placeholder:"DIR" help:"Folder of the job; without it the job is one in a cluster."`
	remoteFlags
	jobFlag
}

// jobFlag picks one of the jobs.
type jobFlag struct {
	Job string `placeholder:"JOB" help:"The job whose letters are meant; with --data-dir its replays too. Without it the one of the folder that was started last, or in a cluster @last."`
}

type deadListCmd struct {
	whereFlags
	Node string `placeholder:"NODE" help:"Only those of one node."`
	streamFlags
}

// Run prints the list.
func (c deadListCmd) Run(ctx context.Context, std streams, box letters) error {
	if c.DataDir == "" {
		return c.remote(ctx, std)
	}
	return box.List(ctx, c, std)
}

type deadShowCmd struct {
	whereFlags
	IDs []string `arg:"" name:"id" help:"Ids, as the list shows them."`
	streamFlags
}

// Run prints the letters.
func (c deadShowCmd) Run(ctx context.Context, std streams, box letters) error {
	if c.DataDir == "" {
		return c.remote(ctx, std)
	}
	return box.Show(ctx, c, std)
}

type deadReplayCmd struct {
	whereFlags
	IDs   []string `arg:"" name:"id" optional:"" help:"Ids; without any, all letters of the job that have not been replayed."`
	Node  string   `placeholder:"NODE" help:"Only those of one node."`
	Force bool     `help:"Replay although an ordered step is below, which will see the records late."`
	Watch bool     `short:"w" help:"In a cluster: wait for the end of the replays and show them."`
	accessFlags
	showFlags
	FailOnDead bool `help:"Exit 1 when a record became a dead letter again, or one below it."`
}

// Run replays the letters as child jobs.
func (c deadReplayCmd) Run(ctx context.Context, std streams, box letters, args commandLine) error {
	if c.DataDir == "" {
		return c.remote(ctx, std)
	}
	return box.Replay(ctx, c, std, args)
}

// again returns the command line that goes on with a replay at rest: without the ids,
// which it has taken.
func (c *deadReplayCmd) again() string { return c.line(nil) }

// line returns the command line that replays the letters with the ids.
func (c *deadReplayCmd) line(ids []string) string {
	args := append([]string{"dead", "replay"}, ids...)
	args = append(args, "--data-dir", c.DataDir)
	if c.Root != "." {
		args = append(args, "--root", c.Root)
	}
	for _, n := range c.AllowNet {
		args = append(args, "--allow-net", n.String())
	}
	if c.Job != "" {
		args = append(args, "--job", c.Job)
	}
	if c.Node != "" {
		args = append(args, "--node", c.Node)
	}
	if c.Force {
		args = append(args, "--force")
	}
	if c.FailOnDead {
		args = append(args, "--fail-on-dead")
	}
	return shellLine(args)
}

// replayOf reads the command line of a replay.
func replayOf(args []string) (deadReplayCmd, error) {
	var c cli
	parser, err := kong.New(&c, settings.Times())
	if err == nil {
		_, err = parser.Parse(args)
	}
	return c.Dead.Replay, err
}
