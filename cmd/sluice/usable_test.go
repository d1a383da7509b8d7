package main

import (
	"fmt"
	"strings"
	"testing"

	"sluice/internal/bus/bustest"
	"sluice/nodes/all"
)

// TestKindsOfWorkers counts the kinds that recipes can name, as the reference does.
func TestKindsOfWorkers(t *testing.T) {
	t.Parallel()
	f := newFolder(t, nil)
	f.up("")
	var fields []string
	bustest.Eventually(t, "the worker to be known", func() bool {
		lines := strings.Split(strings.TrimSpace(f.must(0, "", "workers").out), "\n")
		fields = strings.Fields(lines[len(lines)-1])
		return len(lines) == 2
	})
	want := fmt.Sprint(len(all.Catalogue().All()))
	if !strings.Contains(" "+strings.Join(fields, " ")+" ", " "+want+" ") {
		t.Errorf("got %q, want %s kinds", fields, want)
	}
	if one := f.must(0, "", "workers "+fields[0]).out; strings.Contains(one, "dead_letters@") || !strings.Contains(one, "md5_hash@") {
		t.Errorf("got %s", one)
	}
}
