//go:build linux

package faults

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ending says to [TestEnds] how it has to end; it runs in a process of its own.
const ending = "SLUICE_FAULTS_ENDING"

// TestNoProcessIsLeft: a test of a cluster that fails, that panics, that takes too long or
// that is killed leaves no process of it behind.
func TestNoProcessIsLeft(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, how := range []string{"fails", "panics", "takes too long", "is killed"} {
		t.Run(strings.ReplaceAll(how, " ", "_"), func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(self, "-test.run", "^TestEnds$", "-test.timeout", "4s", "-test.v")
			cmd.Env = append(os.Environ(), ending+"="+how, "TMPDIR="+t.TempDir())
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			seen, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			pid := 0
			for rows := bufio.NewScanner(out); rows.Scan(); {
				text, ok := strings.CutPrefix(rows.Text(), "started ")
				if !ok {
					continue
				}
				if pid, err = strconv.Atoi(text); err != nil {
					t.Fatal(err)
				}
				if err := syscall.Kill(pid, 0); err != nil {
					t.Errorf("the process is not there: %v", err)
				}
				if how == "is killed" {
					_ = cmd.Process.Kill()
				}
				_, _ = io.WriteString(seen, "seen\n")
				break
			}
			_, _ = io.Copy(io.Discard, out) // until it has ended
			if err := cmd.Wait(); err == nil {
				t.Error("the test did not fail")
			}
			if pid == 0 {
				t.Fatal("the test has started nothing")
			}
			gone := time.Now().Add(10 * time.Second)
			for alive(pid) {
				if time.Now().After(gone) {
					t.Fatalf("the process %d is left", pid)
				}
				pass(t.Context(), 20*time.Millisecond)
			}
		})
	}
}

// alive reports whether a process runs; one that has ended and that nobody has asked for does not.
func alive(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(b), ") Z ")
}

// TestEnds is a test of a cluster that does not go well.
func TestEnds(t *testing.T) {
	how := os.Getenv(ending)
	if how == "" {
		t.Skip("is run by TestNoProcessIsLeft")
	}
	c := &cluster{t: t, links: map[*process]*link{}}
	c.folders()
	t.Cleanup(c.close)
	p := c.process("sleeper", "/bin/sleep", "600")
	c.workers = append(c.workers, p)
	p.start(t)
	_, _ = os.Stdout.WriteString("started " + strconv.Itoa(p.cmd.Process.Pid) + "\n")
	_, _ = os.Stdin.Read(make([]byte, 1)) // until the process was seen
	switch how {
	case "fails":
		t.Fatal("as it was told to")
	case "panics":
		panic("as it was told to")
	}
	<-t.Context().Done() // until it is killed, or its time is over
}
