//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// hangUp is what a process gets when its terminal is closed.
var hangUp os.Signal = syscall.SIGHUP

// endings are the signals that ask a process to end. One that is to outlive its terminal
// (nohup) is not asked.
func endings() []os.Signal {
	list := asked()
	if !signal.Ignored(hangUp) {
		list = append(list, hangUp)
	}
	return list
}

// asked are the signals by which a process is asked to end, whatever becomes of its terminal.
func asked() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM} }

// keepPipes makes a write to a pipe without a reader an error, rather than the end of the
// process, until the function it returns is called.
func keepPipes() (release func()) {
	signal.Ignore(syscall.SIGPIPE)
	return func() { signal.Reset(syscall.SIGPIPE) }
}
