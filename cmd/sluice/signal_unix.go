//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// terminate is the signal by which a service manager asks a process to end.
const terminate = syscall.SIGTERM

// keepPipes makes a write to a pipe without a reader an error, rather than the end of the
// process, until the function it returns is called.
func keepPipes() (release func()) {
	signal.Ignore(syscall.SIGPIPE)
	return func() { signal.Reset(syscall.SIGPIPE) }
}
