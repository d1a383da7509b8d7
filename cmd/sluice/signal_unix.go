//go:build unix

package main

import "syscall"

// terminate is the signal by which a service manager asks a process to end.
const terminate = syscall.SIGTERM
