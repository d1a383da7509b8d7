package crash

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sluice/recipe"
)

// binary builds the program once, with what `go build` leaves in its cache.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sluice-crash-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "sluice")
	out, err := exec.Command("go", "build", "-o", path, "sluice/cmd/sluice").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build sluice: %w: %s", err, out)
	}
	return path, nil
})

// process is a running sluice.
type process struct {
	cmd    *exec.Cmd
	began  time.Time
	took   time.Duration // set when done is closed
	done   chan struct{}
	stdout lockedBuffer
	stderr lockedBuffer
}

// lockedBuffer is a buffer that is read while a process writes to it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start runs sluice in a folder.
func start(t testing.TB, dir string, args ...string) *process {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(path, args...), done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, &p.stdout, &p.stderr
	p.began = time.Now()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait()
		p.took = time.Since(p.began)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
	})
	return p
}

// run starts the scene's recipe on the data folder.
func (s *scene) run(t testing.TB, dir string, more ...string) *process {
	t.Helper()
	args := append([]string{"run", "recipe.yaml", "--json", "--data-dir", "data", "--frame-records", strconv.Itoa(s.frame)}, s.flags...)
	return start(t, dir, append(args, more...)...)
}

// patience is how long anything may take before it counts as hung.
const patience = 2 * time.Minute

// code waits for the end and returns the exit code.
func (p *process) code(t testing.TB) int {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		_ = p.cmd.Process.Signal(syscall.SIGQUIT) // for its stacks
		<-p.done
		t.Fatalf("the process hung\n%s", tail(p.stderr.String(), 20000))
	}
	return p.cmd.ProcessState.ExitCode()
}

// news adds up the records that each step has taken, by the last event that the process
// has written.
func (p *process) news() (records int64) {
	lines := strings.Split(p.stderr.String(), "\n")
	for i := len(lines) - 2; i >= 0; i-- { // the last one may be half
		var event struct {
			Steps []recipe.StepProgress `json:"steps"`
		}
		if json.Unmarshal([]byte(lines[i]), &event) != nil {
			continue
		}
		for _, s := range event.Steps {
			records += s.In
		}
		return records
	}
	return 0
}

// want waits for the end and compares the exit code.
func (p *process) want(t testing.TB, code int) {
	t.Helper()
	if got := p.code(t); got != code {
		t.Fatalf("exit code %d, want %d\n%s", got, code, tail(p.stderr.String(), 4000))
	}
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// until waits for a moment of the process's life and reports whether it was still alive.
func (p *process) until(d time.Duration) bool {
	select {
	case <-p.done:
		return false
	case <-time.After(time.Until(p.began.Add(d))):
		return true
	}
}

// kill kills the process with SIGKILL.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// lively polls a condition until it holds or the process is gone, and reports which.
func (p *process) lively(cond func() bool) bool {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-p.done:
			return false
		case <-tick.C:
		}
	}
	return true
}

// interrupt presses Ctrl-C.
func (p *process) interrupt(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
}

// kills is how many moments a recipe is killed at.
func kills(t testing.TB) int {
	n, err := strconv.Atoi(strings.TrimSpace(os.Getenv("SLUICE_KILLS")))
	switch {
	case err == nil && n > 0:
		return n
	case testing.Short():
		return 2
	}
	return 3
}
