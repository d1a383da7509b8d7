package main

import (
	"os"
	"testing"
	"time"

	"sluice/coordinator/lead"
)

// TestUpIsKilled kills sluice up: that which is started next leads at once, since it sees that
// the leader is gone, and does not wait for its lease to run out.
func TestUpIsKilled(t *testing.T) {
	if _, err := os.Stat("/proc/self/ns/pid"); err != nil {
		t.Skip("this machine does not tell which process is which")
	}
	f := newFolder(t, nil)
	p := f.up("")
	p.until("leads")
	p.signal(os.Kill)
	p.exit()
	killed := time.Now()
	p = f.start("up --data-dir data --listen 127.0.0.1:0")
	p.until("leads")
	if d := time.Since(killed); d > lead.DefaultLease*2/3 {
		t.Errorf("behind a kill it leads after %v", d)
	}
}
