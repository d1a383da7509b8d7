package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/hashicorp/go-hclog"

	"sluice/internal/bus"
	"sluice/internal/solo"
	"sluice/nodes/all"
	"sluice/nodes/net"
	"sluice/recipe"
)

// runLocal runs a job in this process, over an embedded server that opens no port.
func runLocal(ctx context.Context, j job) (recipe.Progress, error) {
	root, err := os.OpenRoot(j.flags.Root)
	if err != nil {
		return recipe.Progress{}, usagef("--root %s: %w", j.flags.Root, err)
	}
	defer root.Close()
	taps, err := newTaps(j.flags.Tap, j.plan, j.outlets, j.out)
	if err != nil {
		return recipe.Progress{}, err
	}
	config := solo.Config{
		Plan: j.plan, Catalogue: all.Catalogue(), Dir: j.flags.DataDir, Resume: j.flags.Resume, Accept: j.accept, Origin: j.origin, Workers: j.flags.Workers,
		Root: root, Dial: (&net.Guard{Allow: j.flags.allowed()}).Dial, Stdin: j.in, Console: j.out, Secret: secretFromEnv,
		Show: j.show, Watch: taps.watch, Stop: j.stop, FullShare: j.flags.FullShare,
		Log: hclog.New(&hclog.LoggerOptions{Name: "sluice", Level: hclog.LevelFromString(j.flags.LogLevel), Output: j.err, JSONFormat: j.flags.JSON}),
	}
	host, err := solo.Open(ctx, config)
	if err != nil {
		return recipe.Progress{}, localError(err, j.flags.DataDir)
	}
	defer host.Close()
	last, err := host.Run(ctx, config)
	if u := (*solo.Unfinished)(nil); errors.As(err, &u) {
		return last, usagef("%s: %w; go on with: %s; another --data-dir starts anew", j.flags.DataDir, err, goOnLine(u.Record, j.origin, j.flags.DataDir))
	}
	if err == nil && last.Dead() > 0 && !j.flags.silent() {
		why, err := reasonsOf(ctx, host.Conn(), last.Job)
		if err != nil {
			return last, err
		}
		j.gaveUp(why)
	}
	return last, localError(err, j.flags.DataDir)
}

// localError says what the command line can do about an error.
func localError(err error, dir string) error {
	switch {
	case dir != "" && errors.As(err, new(*fs.PathError)):
		return usagef("--data-dir %s: no job can be stored there: %w", dir, plain(err))
	case errors.Is(err, bus.ErrLocked):
		return usagef("%s: another process is using the folder", dir)
	}
	return err
}

// secretFromEnv reads the value of a secret from the environment, which only this
// package does.
func secretFromEnv(_ context.Context, _ recipe.JobID, _, name string) (string, error) {
	key := "SLUICE_SECRET_" + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(name))
	v, ok := os.LookupEnv(key)
	if !ok {
		return "", fmt.Errorf("the environment has no %s", key)
	}
	return v, nil
}
