package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sluice/internal/bus"
	"sluice/recipe"
)

// commandLine is the arguments as they were given, without the program's name.
type commandLine []string

// again returns the command line that goes on with what this one started, quoted for a
// shell.
func (c commandLine) again() string {
	args := slices.Clone([]string(c))
	if !slices.Contains(args, "--resume") {
		at := len(args)
		if i := slices.Index(args, "--"); i >= 0 {
			at = i
		}
		args = slices.Insert(args, at, "--resume")
	}
	return shellLine(args)
}

// shellLine writes a command of this program as a shell reads it.
func shellLine(args []string) string {
	line := "sluice"
	for _, a := range args {
		line += " " + shellWord(a)
	}
	return line
}

func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./=:,@%+", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// originOf says from where a job is started under a root.
func originOf(root string, args commandLine) (bus.Origin, error) {
	folder, err := os.Getwd()
	if err != nil {
		return bus.Origin{}, fmt.Errorf("asking for the working folder: %w", err)
	}
	abs, err := resolved(root)
	if err != nil {
		return bus.Origin{}, usagef("--root %s: %w", root, plain(err))
	}
	return bus.Origin{Root: abs, Folder: folder, Args: args}, nil
}

// resolved returns the one name of a folder that has many.
func resolved(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// goOnLine returns a command that goes on with a stored job, as it is given here. What is not
// known of one that another version has stored is said in capitals.
func goOnLine(rec *bus.JobRecord, here bus.Origin, dir string) string {
	was := rec.Origin
	if rec.Parent != "" {
		c, err := replayOf(was.Args)
		if err != nil {
			c = deadReplayCmd{}
		}
		c.DataDir, c.Root = dir, was.Root
		if was.Root == "" || was.Root == here.Folder {
			c.Root = "."
		}
		return c.again()
	}
	if len(was.Args) == 0 {
		return shellLine([]string{"run", "RECIPE", "--data-dir", dir, "--resume"})
	}
	line := commandLine(was.Args).again()
	if was.Folder != here.Folder {
		line = "cd " + shellWord(was.Folder) + " && " + line
	}
	return line
}

// sameRoot refuses to go on with a job under another root than the one its paths mean.
func sameRoot(rec *bus.JobRecord, here bus.Origin, dir string) error {
	was := rec.Origin
	if was.Root == "" || was.Root == here.Root {
		return nil
	}
	return usagef("%s holds a job that was started under the root %s, and not under %s: its files are there; go on with: %s; another --data-dir starts anew",
		dir, was.Root, here.Root, goOnLine(rec, here, dir))
}

// sameJob refuses to go on with a stored job that is not what is asked for.
func (c *runCmd) sameJob(asked *recipe.Plan, here bus.Origin) func(*bus.JobRecord) error {
	return func(rec *bus.JobRecord) error {
		differs, err := c.difference(rec.Plan, asked)
		if err != nil {
			return err
		}
		if differs != "" {
			way := "another --data-dir starts anew"
			if rec.State.Final() {
				way = "another --data-dir, or this one without --resume, starts anew"
			}
			started := ""
			if len(rec.Origin.Args) > 0 {
				started = fmt.Sprintf("; the job there was started in %s by: %s", rec.Origin.Folder, shellLine(rec.Origin.Args))
			}
			return usagef("%s holds a job of recipe %s (%s), which is not the one asked for: %s; %s%s", c.DataDir, rec.Plan.Recipe, rec.State, differs, way, started)
		}
		if rec.State.Final() {
			return nil // nothing of it is touched
		}
		return sameRoot(rec, here, c.DataDir)
	}
}

// difference says how a stored plan differs from the one asked for, "" when a job of the
// one is a job of the other. What only says how fast it runs does not count.
func (c *runCmd) difference(stored, asked *recipe.Plan) (string, error) {
	if stored.Recipe != asked.Recipe {
		return fmt.Sprintf("asked for is recipe %s", asked.Recipe), nil
	}
	was, now, err := paramTexts(stored, asked)
	if err != nil {
		return "", err
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if old, ok := was[name]; ok && old != now[name] {
			return fmt.Sprintf("there the parameter %s is %s, here %s", name, old, now[name]), nil
		}
	}
	if c.Seed != 0 && stored.Seed != asked.Seed {
		return fmt.Sprintf("there the seed is %d, here %d", stored.Seed, asked.Seed), nil
	}
	a, err := essence(stored)
	if err != nil {
		return "", err
	}
	b, err := essence(asked)
	if err != nil {
		return "", err
	}
	if !bytes.Equal(a, b) || !maps.Equal(was, now) {
		return "the recipe was changed since", nil
	}
	return "", nil
}

// paramTexts returns the parameters of two plans in one form: a stored plan's were read
// from JSON.
func paramTexts(stored, asked *recipe.Plan) (was, now map[string]string, err error) {
	texts := func(p *recipe.Plan) (map[string]string, error) {
		all := map[string]string{}
		for name, v := range p.Params {
			text, err := json.Marshal(v)
			if err != nil {
				return nil, fmt.Errorf("parameter %s: %w", name, err)
			}
			var plain any
			if err := json.Unmarshal(text, &plain); err != nil {
				return nil, fmt.Errorf("parameter %s: %w", name, err)
			}
			if text, err = json.Marshal(plain); err != nil {
				return nil, fmt.Errorf("parameter %s: %w", name, err)
			}
			all[name] = string(text)
		}
		return all, nil
	}
	if was, err = texts(stored); err == nil {
		now, err = texts(asked)
	}
	return was, now, err
}

// essence is what two plans have in common when a job of the one is a job of the other.
func essence(p *recipe.Plan) ([]byte, error) {
	q := *p
	q.Description, q.Params, q.Seed, q.Frame = "", nil, 0, recipe.FrameLimits{}
	q.Steps = slices.Clone(p.Steps)
	for i := range q.Steps {
		q.Steps[i].Line, q.Steps[i].File = 0, ""
	}
	return json.Marshal(&q)
}
