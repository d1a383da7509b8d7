package main

import (
	"context"
	"errors"
	"fmt"
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
	taps, err := newTaps(j.flags.Tap, j.plan, j.out)
	if err != nil {
		return recipe.Progress{}, err
	}
	log := hclog.New(&hclog.LoggerOptions{Name: "sluice", Level: hclog.LevelFromString(j.flags.LogLevel), Output: j.err})
	last, err := solo.Run(ctx, solo.Config{
		Plan: j.plan, Catalogue: all.Catalogue(), Dir: j.flags.DataDir, Resume: j.flags.Resume,
		Root: root, Dial: (&net.Guard{Allow: j.flags.AllowNet}).Dial, Stdin: j.in, Console: j.out, Secret: secretFromEnv,
		Show: j.show, Watch: taps.watch, Stop: j.stop, Log: log, FullShare: j.flags.FullShare,
	})
	return last, localError(err, j.flags.DataDir)
}

// localError says what the command line can do about an error.
func localError(err error, dir string) error {
	switch {
	case errors.Is(err, solo.ErrReplay):
		return usagef("%s: %w; go on with it by sluice dead replay", dir, err)
	case errors.Is(err, solo.ErrUnfinished):
		return usagef("%s: %w; go on with it by --resume, or name another folder", dir, err)
	case errors.Is(err, bus.ErrLocked):
		return usagef("%s: another process is using the folder", dir)
	}
	return err
}

// secretFromEnv reads the value of a secret from the environment, which only this
// package does.
func secretFromEnv(name string) (string, error) {
	key := "SLUICE_SECRET_" + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(name))
	v, ok := os.LookupEnv(key)
	if !ok {
		return "", fmt.Errorf("the environment has no %s", key)
	}
	return v, nil
}
