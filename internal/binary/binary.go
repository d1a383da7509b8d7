// Package binary builds the sluice command and runs it as a user would, for tests of the
// whole: it tells exit code, output and the most memory that the process had. It knows
// nothing of what is inside.
//
// Start reading at [Build] and [Command.Run].
package binary

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Build compiles the command into dir and returns its path.
func Build(dir string) (string, error) {
	path := filepath.Join(dir, "sluice")
	if out, err := exec.Command("go", "build", "-o", path, "sluice/cmd/sluice").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build sluice: %w\n%s", err, out)
	}
	return path, nil
}

// Command is one call of the binary. Path and Args must be set.
type Command struct {
	Path  string
	Args  []string
	Dir   string
	Stdin io.Reader
	Limit time.Duration        // after which it counts as hung and is killed; 0 is a minute
	After time.Duration        // after which it is sent Signal, when that is set
	Sign  os.Signal            // what it is sent
	Attr  *syscall.SysProcAttr // for another user
}

// Result is what became of a call.
type Result struct {
	Code   int
	Stdout string
	Stderr string
	Peak   int64 // bytes of memory that were resident at once; 0 where the system is not Linux
	Took   time.Duration
	Hung   bool // it was killed at the limit
}

// Run runs the command to its end. An error means that it could not be started. On Linux
// a process begins with the peak of the one that started it, so whoever measures must
// stay small.
func (c Command) Run() (Result, error) {
	limit := c.Limit
	if limit == 0 {
		limit = time.Minute
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.Path, c.Args...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = c.Dir, c.Stdin, &stdout, &stderr, c.Attr
	cmd.WaitDelay = time.Second
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return Result{}, fmt.Errorf("start %s: %w", c.Path, err)
	}
	if c.Sign != nil {
		timer := time.AfterFunc(c.After, func() { _ = cmd.Process.Signal(c.Sign) })
		defer timer.Stop()
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && ctx.Err() == nil {
		return Result{}, fmt.Errorf("run %s: %w", c.Path, err)
	}
	return Result{
		Code: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String(), Peak: peak(cmd.ProcessState),
		Took: time.Since(began), Hung: ctx.Err() != nil,
	}, nil
}
