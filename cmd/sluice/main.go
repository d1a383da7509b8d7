// Command sluice checks, draws and runs recipes. main.go dispatches; every subcommand
// has a file of its own, and exit.go says what the exit codes mean.
//
// It is the only package that reads flags, the environment and the terminal.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"sluice/cmd/sluice/settings"
)

// streams are the three files that a process is given.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// cli is the whole command line.
type cli struct {
	Run         runCmd         `cmd:"" help:"Run a recipe to its end." group:"jobs"`
	Test        testCmd        `cmd:"" help:"Run the tests that recipes hold." group:"jobs"`
	Submit      submitCmd      `cmd:"" help:"Submit a recipe to a cluster." group:"cluster"`
	Jobs        jobsCmd        `cmd:"" help:"List the jobs of a cluster." group:"cluster"`
	Job         jobCmd         `cmd:"" help:"Show a job." group:"cluster"`
	Logs        logsCmd        `cmd:"" help:"Show what happened to a job." group:"cluster"`
	Pause       pauseCmd       `cmd:"" help:"Bring a job to rest." group:"cluster"`
	Stop        stopCmd        `cmd:"" help:"Stop a job within 2 s; it can go on." group:"cluster"`
	Resume      resumeCmd      `cmd:"" help:"Let a job go on that rests." group:"cluster"`
	Drain       drainCmd       `cmd:"" help:"End the sources of a job and let the rest run empty." group:"cluster"`
	Cancel      cancelCmd      `cmd:"" help:"End a job and discard what is stored of it." group:"cluster"`
	Delete      deleteCmd      `cmd:"" help:"Delete a job that has ended." group:"cluster"`
	Retry       retryCmd       `cmd:"" help:"Run a job once more that failed or was cancelled." group:"cluster"`
	Results     resultsCmd     `cmd:"" help:"Print the records that a sink of a job has written, as JSON." group:"cluster"`
	Tap         tapCmd         `cmd:"" help:"Print the records that pass at a node of a job, as they pass." group:"cluster"`
	Artifacts   artifactsCmd   `cmd:"" help:"List, download and upload files." group:"cluster"`
	Secrets     secretsCmd     `cmd:"" help:"Set, list and delete secrets." group:"cluster"`
	Recipes     recipesCmd     `cmd:"" help:"Save recipes in a cluster, and look at them." group:"cluster"`
	Workers     workersCmd     `cmd:"" help:"List the workers of a cluster, or show one." group:"cluster"`
	Keys        keysCmd        `cmd:"" help:"Make, list and revoke API keys." group:"cluster"`
	Up          upCmd          `cmd:"" help:"Run a whole cluster in one process." group:"services"`
	Coordinator coordinatorCmd `cmd:"" help:"Run a coordinator: it answers the API and leads jobs." group:"services"`
	Worker      workerCmd      `cmd:"" help:"Run a worker: it runs the nodes of jobs." group:"services"`
	NATS        natsCmd        `cmd:"" name:"nats" help:"Set up a NATS server for a cluster." group:"services"`
	Login       loginCmd       `cmd:"" help:"Keep the address and key of a cluster." group:"cluster"`
	Context     contextCmd     `cmd:"" help:"List the clusters that are known, or pick one." group:"cluster"`
	Dead        deadCmd        `cmd:"" help:"List, show and replay the dead letters of a job." group:"jobs"`
	New         newCmd         `cmd:"" help:"Write a recipe to start from." group:"recipes"`
	Validate    validateCmd    `cmd:"" help:"Check recipes and say what is wrong with them." group:"recipes"`
	Fmt         fmtCmd         `cmd:"" help:"Put recipes into the standard layout." group:"recipes"`
	Plan        planCmd        `cmd:"" help:"Show what a recipe compiles to." group:"recipes"`
	Kinds       kindsCmd       `cmd:"" help:"List the kinds of nodes, or explain one." group:"recipes"`
	Config      configCmd      `cmd:"" help:"Check the settings of a service." group:"other"`
	Completion  completionCmd  `cmd:"" help:"Print a completion script for a shell." group:"other"`
	Complete    completeCmd    `cmd:"" name:"__complete" hidden:""`
	Version     versionCmd     `cmd:"" help:"Print the version." group:"other"`
}

// softMemory is where the garbage collector begins to work harder, so that garbage of
// large records does not pile up. What is in use may take more.
const softMemory = 256 << 20

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softMemory)
	}
	std := streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	os.Exit(execute(context.Background(), os.Args[1:], std, dataPlane()))
}

// leave is what kong's Exit throws, to be caught in execute.
type leave int

// execute runs one command line and returns its exit code.
func execute(ctx context.Context, args []string, std streams, e engine) (code int) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case leave:
			code = int(p)
		default:
			panic(p)
		}
	}()
	parser, err := newParser(ctx, std, e, args)
	if err != nil {
		fmt.Fprintln(std.err, "sluice:", err)
		return codeUsage
	}
	parsed, err := parser.Parse(spelled(args))
	err = inPlainWords(err)
	if err != nil && forPrograms(args) {
		return reportEvents(usagef("%w", err), std.err)
	}
	if err != nil {
		fmt.Fprintf(std.err, "sluice: %v\n", err)
		if path := commandPath(err); path != "" {
			fmt.Fprintf(std.err, "sluice %s --help says what it takes\n", path)
		} else if strings.HasPrefix(args[0], "-") {
			fmt.Fprintln(std.err, "flags follow the command, as in: sluice jobs --context NAME")
		}
		return codeUsage
	}
	if err = emptyFolder(parsed); err == nil {
		err = emptyName(parsed)
	}
	if err == nil {
		err = outOfRange(parsed)
	}
	if err == nil {
		err = parsed.Run()
	}
	if forPrograms(args) {
		return reportEvents(err, std.err)
	}
	return report(err, std.err)
}

// folderFlag is the placeholder of the flags whose value is a folder.
const folderFlag = "DIR"

// emptyFolder refuses a folder that is given and has no name, as by a variable that is not set:
// to go on as if it were not given would keep nothing.
func emptyFolder(parsed *kong.Context) error {
	for _, p := range parsed.Path {
		if f := p.Flag; f != nil && f.PlaceHolder == folderFlag && parsed.FlagValue(f) == "" {
			return usagef("--%s is empty: it is the name of a folder (is a variable not set?)", f.Name)
		}
	}
	return nil
}

// forPrograms reports whether all that a command line says on stderr is events.
func forPrograms(args []string) bool {
	if !slices.Contains(args, "--json") {
		return false
	}
	return slices.Contains([]string{"run", "submit", "retry"}, args[0]) || args[0] == "dead" && slices.Contains(args, "replay")
}

func newParser(ctx context.Context, std streams, e engine, args []string) (*kong.Kong, error) {
	set := settings.NewResolver(os.LookupEnv)
	return kong.New(&cli{},
		kong.Name("sluice"),
		kong.Description("Sluice runs information-security recipes: typed graphs of nodes, durably and with nothing lost.\n\n"+
			"Exit codes: 0 done, 1 job failed, 2 recipe refused, 3 wrong use, 4 no answer of a cluster, 5 not yet within --wait, 130 interrupted."),
		kong.Writers(std.out, std.err),
		kong.Exit(func(code int) { panic(leave(code)) }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Resolvers(set),
		settings.Times(),
		kong.Bind(std, set, e.start, e.tests, commandLine(args)),
		kong.BindTo(e.dead, (*letters)(nil)),
		kong.ValueFormatter(valueHelp),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.ExplicitGroups([]kong.Group{
			{Key: "jobs", Title: "Jobs:"}, {Key: "cluster", Title: "Clusters:"}, {Key: "services", Title: "Services:"}, {Key: "recipes", Title: "Recipes:"}, {Key: "other", Title: "Other:"},
		}),
	)
}

// valueHelp is what help says of a flag or an argument: with its default, where that says something.
func valueHelp(v *kong.Value) string {
	help := kong.DefaultHelpValueFormatter(v)
	if !v.HasDefault || v.IsBool() || v.Default == "" || v.Default == "0" || strings.Contains(v.Help, "default") {
		return help
	}
	return strings.TrimSuffix(help, ".") + "; by default " + v.Default + "."
}

// commandPath returns the subcommand in which a command line went wrong, "" for none.
func commandPath(err error) string {
	var parse *kong.ParseError
	if !errors.As(err, &parse) || parse.Context == nil {
		return ""
	}
	var names []string
	for _, p := range parse.Context.Path {
		if p.Command != nil {
			names = append(names, p.Command.Name)
		}
	}
	return strings.Join(names, " ")
}
