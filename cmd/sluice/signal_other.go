//go:build !unix

package main

import "os"

// terminate is Ctrl-C where there is no SIGTERM.
var terminate = os.Interrupt

// keepPipes has nothing to do where there is no SIGPIPE.
func keepPipes() (release func()) { return func() {} }
