package lead

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// holder is the process that holds a lease, so that who is started beside it can tell whether it is
// gone. A number of a process means something among those that see the same ones alone: Beside is
// the boot of the machine and its namespaces of processes and of time. The zero value, off Linux,
// is never known to be gone.
type holder struct {
	Beside string `json:"beside,omitempty"`
	PID    int    `json:"pid,omitempty"`
	Start  uint64 `json:"start,omitempty"` // in ticks behind the boot: another process may have got its number
}

// self returns this process, as far as the machine tells.
func self() holder {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	pids, perr := os.Readlink("/proc/self/ns/pid")
	clock, cerr := os.Readlink("/proc/self/ns/time")
	if errors.Is(cerr, os.ErrNotExist) { // of a kernel without them
		clock, cerr = "", nil
	}
	start, serr := started(os.Getpid())
	if errors.Join(err, perr, cerr, serr) != nil || len(boot) == 0 || pids == "" {
		return holder{}
	}
	return holder{Beside: strings.TrimSpace(string(boot)) + " " + pids + " " + clock, PID: os.Getpid(), Start: start}
}

// gone reports whether the process has surely ended, as seen by another. Where that can't be told,
// it may still be there.
func (h holder) gone(seenBy holder) bool {
	if h.Beside == "" || h.Beside != seenBy.Beside || h.PID <= 0 {
		return false
	}
	p, err := os.FindProcess(h.PID)
	if err != nil {
		return false
	}
	defer func() { _ = p.Release() }()
	if errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone) {
		return true
	}
	start, err := started(h.PID)
	return err == nil && start != h.Start
}

// started returns when a process began, in ticks behind the boot.
func started(pid int) (uint64, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name of the program, in parentheses, may hold anything; the 22nd field is the 20th behind it.
	f := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(f) < 20 {
		return 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(f))
	}
	return strconv.ParseUint(f[19], 10, 64)
}
