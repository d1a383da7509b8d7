//go:build !unix

package main

import "os"

// terminate is Ctrl-C where there is no SIGTERM.
var terminate = os.Interrupt
