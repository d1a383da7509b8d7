package main

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/cmd/sluice/settings"
)

// TestUpSyncs starts up in each of its modes, and has the start say which one it is.
func TestUpSyncs(t *testing.T) {
	t.Parallel()
	for flag, want := range map[string]string{"": "forced to disk every 2m0s", " --nats-sync 5s": "forced to disk every 5s", " --nats-sync always": "all that is acknowledged is on the disk"} {
		up := newFolder(t, nil).up(flag)
		up.until("sluice is up")
		if text := up.errs.String(); !strings.Contains(text, want) {
			t.Errorf("%q: got %s, want %s", flag, text, want)
		}
	}
	f := newFolder(t, nil)
	if r := f.must(codeUsage, "", "up --data-dir data --nats-sync 0s"); !strings.Contains(r.errs, `--nats-sync: "0s" is neither always nor a time from 1s to 1h`) {
		t.Errorf("got %s", r.errs)
	}
	f.env = append(f.env, "SLUICE_NATS_SYNC=never")
	if r := f.must(codeUsage, "", "up --data-dir data"); !strings.Contains(r.errs, `SLUICE_NATS_SYNC: "never" is neither always nor a time`) {
		t.Errorf("got %s", r.errs)
	}
}

// TestUpTellsItsServer: what the settings say is what the server is started with.
func TestUpTellsItsServer(t *testing.T) {
	for _, s := range []settings.Sync{{Always: true}, {Every: 5 * time.Second}} {
		c := upCmd{}
		c.NATSSync = s
		cfg, needs := c.storing("d", hclog.NewNullLogger()), c.needs()
		if cfg.SyncAlways != s.Always || cfg.SyncEvery != s.Every || needs.Sync.Always != s.Always || needs.Sync.Every != s.Every {
			t.Errorf("%s: got %+v, %+v", s, cfg, needs)
		}
	}
}
