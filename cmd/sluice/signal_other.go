//go:build !unix

package main

import "os"

// hangUp is no signal where there is no SIGHUP.
var hangUp os.Signal

// endings are the signals that ask a process to end: Ctrl-C alone where there is no other.
func endings() []os.Signal { return asked() }

// asked are the same.
func asked() []os.Signal { return []os.Signal{os.Interrupt} }

// keepPipes has nothing to do where there is no SIGPIPE.
func keepPipes() (release func()) { return func() {} }
