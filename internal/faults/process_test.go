//go:build linux

package faults

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// process is a server, coordinator or worker; it may be started again and again.
type process struct {
	name string
	path string
	args []string
	env  []string // beside the test's own
	log  string   // file

	cmd  *exec.Cmd
	done chan struct{}  // closed when it has ended
	told *atomic.Bool   // its end was asked for
	code *atomic.Int64  // of its end
	bad  *atomic.Uint64 // ends that nobody asked for, of all processes of the cluster
}

// start starts the process, behind what it has logged before.
func (p *process) start(t testing.TB) {
	t.Helper()
	f, err := os.OpenFile(p.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p.cmd = exec.Command(p.path, p.args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = filepath.Dir(p.log), f, f
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // should the test itself be killed
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.done, p.told, p.code = make(chan struct{}), new(atomic.Bool), new(atomic.Int64)
	cmd, done, told, code := p.cmd, p.done, p.told, p.code
	go func() {
		defer close(done)
		_ = cmd.Wait()
		code.Store(int64(cmd.ProcessState.ExitCode()))
		if !told.Load() {
			p.bad.Add(1)
			fmt.Fprintf(os.Stderr, "%s ended by itself: %s; %s\n", p.name, cmd.ProcessState, p.log)
		}
	}()
}

// kill ends the process with SIGKILL.
func (p *process) kill() {
	p.told.Store(true)
	_ = p.cmd.Process.Kill()
	<-p.done
}

// freeze and thaw stop and continue it.
func (p *process) freeze() { _ = p.cmd.Process.Signal(syscall.SIGSTOP) }
func (p *process) thaw()   { _ = p.cmd.Process.Signal(syscall.SIGCONT) }

// patient is how long a process may take to end that is told to.
const patient = 30 * time.Second

// end tells the process to end and returns its exit code; -1 when it had to be killed.
func (p *process) end() int64 {
	p.told.Store(true)
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	limit := time.NewTimer(patient)
	defer limit.Stop()
	select {
	case <-p.done:
		return p.code.Load()
	case <-limit.C:
		p.kill()
		return -1
	}
}

// tail returns the last lines that the process has logged.
func (p *process) tail(lines int) string {
	b, _ := os.ReadFile(p.log)
	rows := bytes.SplitAfter(b, []byte("\n"))
	return string(bytes.Join(rows[max(0, len(rows)-lines):], nil))
}
