package binary

import (
	"os"
	"syscall"
)

// peak reads the resident memory from what the system counted for the process, in KiB.
func peak(s *os.ProcessState) int64 {
	usage, ok := s.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return usage.Maxrss << 10
}
