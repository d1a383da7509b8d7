package audit

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"

	"sluice/coordinator"
	"sluice/internal/bus/bustest"
)

// lines is a log that may be read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

// TestOutageIsTold takes the log's stream away for a while: all that is written meanwhile waits, is
// stored when it is there again, and the log tells of it twice in all, however many tries there were.
func TestOutageIsTold(t *testing.T) {
	ctx, conn, said := bustest.Context(t), bustest.Conn(t, bustest.InProcess), &lines{}
	c := Config{Conn: conn, Log: hclog.New(&hclog.LoggerOptions{Output: said})}
	l, err := Open(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	run, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- l.Run(run) }()
	t.Cleanup(func() {
		cancel()
		if err := bustest.Wait(t, "Run to end", done); err != nil {
			t.Error(err)
		}
	})
	if err := conn.DeleteStream(ctx, Stream); err != nil {
		t.Fatal(err)
	}
	const all = 50
	for n := range all {
		if err := l.Write(ctx, coordinator.AuditEntry{Who: "ann", Operation: "op", Object: fmt.Sprint(n), Outcome: coordinator.Allowed}); err != nil {
			t.Fatal(err)
		}
	}
	tries := func() int {
		l.out.mu.Lock()
		defer l.out.mu.Unlock()
		return l.out.tries
	}
	bustest.Eventually(t, "many tries", func() bool { return tries() > 2*writers })
	if n := said.count("not stored yet"); n != 1 {
		t.Errorf("an outage was told %d times after %d tries, want once", n, tries())
	}
	if _, err := Open(ctx, Config{Conn: conn}); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "all are stored", func() bool {
		page, err := l.List(ctx, coordinator.AuditFilter{Limit: 2 * all})
		return err == nil && len(page.Entries) == all
	})
	bustest.Eventually(t, "the end is told", func() bool { return said.count("stored again") == 1 })
	if l.Lost() != 0 || said.count("\n") != 2 {
		t.Errorf("%d were lost; the log has %d lines:\n%s", l.Lost(), said.count("\n"), said.text.String())
	}
}
