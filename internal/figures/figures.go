// Package figures collects what tests measured, so that a whole run can show it at its
// end: `go test` alone shows what passed, and not by how much.
//
// It must not know what is measured. Start reading at [Note].
package figures

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// Variable names the file in the environment; without it figures are only logged.
const Variable = "SLUICE_FIGURES"

// Note logs what a test measured, one line of text, and appends it with the test's name to
// the file of [Variable]. Several processes may write to the file at once.
func Note(t testing.TB, format string, args ...any) {
	t.Helper()
	text := fmt.Sprintf(format, args...)
	t.Log(text)
	path := os.Getenv(Variable)
	if path == "" {
		return
	}
	line := t.Name() + ": " + strings.ReplaceAll(text, "\n", " ") + "\n"
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Errorf("keep a figure: %v", err)
		return
	}
	_, err = f.WriteString(line) // one write: lines of several processes don't mix
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		t.Errorf("keep a figure: %v", err)
	}
}
