package busbench

import (
	"syscall"
	"time"
)

// usage is a moment of the process's life.
type usage struct {
	cpu time.Duration
	at  time.Time
}

func now() usage {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r) // can't fail with these arguments
	return usage{cpu: time.Duration(r.Utime.Nano() + r.Stime.Nano()), at: time.Now()}
}

func (u usage) since(start usage, k Config) Result {
	return Result{Frames: k.Frames, Edges: k.Edges, CPU: u.cpu - start.cpu, Wall: u.at.Sub(start.at)}
}
