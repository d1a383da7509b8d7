package simulation

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"sluice/internal/figures"
)

// seeds returns how many seeds a test runs: SLUICE_SEEDS, or most; a twentieth of it in the
// short form, which the race detector takes.
func seeds(t *testing.T, most int) uint64 {
	if s := os.Getenv("SLUICE_SEEDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("SLUICE_SEEDS: %v", err)
		}
		return uint64(n)
	}
	if testing.Short() {
		return uint64(most / 20)
	}
	return uint64(most)
}

// each runs seeds from 1 to n on all processors until take returns false.
func each(n uint64, opt Options, take func(Outcome) bool) {
	var mu sync.Mutex
	next, stop := uint64(1), false
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for {
				mu.Lock()
				seed := next
				next++
				done := stop || seed > n
				mu.Unlock()
				if done {
					return
				}
				o := Run(seed, opt)
				mu.Lock()
				stop = !take(o) || stop
				mu.Unlock()
			}
		})
	}
	group.Wait()
}

// TestSeed runs the one seed that SLUICE_SEED names, and describes it.
func TestSeed(t *testing.T) {
	s := os.Getenv("SLUICE_SEED")
	if s == "" {
		t.Skip("SLUICE_SEED names no seed")
	}
	seed, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	o, again := Run(seed, Options{}), Run(seed, Options{})
	t.Logf("%d events in %s; %v", o.Events, o.Time, o.Faults)
	if o.Fault != "" {
		t.Errorf("seed %d: %s\n%s", seed, o.Fault, o.About)
	}
	if o.Events != again.Events || o.Time != again.Time || o.Fault != again.Fault {
		t.Errorf("seed %d: two runs differ: %d and %d events", seed, o.Events, again.Events)
	}
}

func TestSimulation(t *testing.T) {
	most := 2000
	if os.Getenv("CI") != "" {
		most = 5000
	}
	n := seeds(t, most)
	start := time.Now()
	runs, events, bad, ledger, held := 0, 0, 0, 0, 0
	faults := map[string]int{}
	each(n, Options{}, func(o Outcome) bool {
		runs++
		events += o.Events
		ledger, held = max(ledger, o.Ledger), max(held, o.Held)
		for k, c := range o.Faults {
			faults[k] += c
		}
		if o.Fault != "" {
			bad++
			t.Errorf("seed %d: %s\n%s", o.Seed, o.Fault, o.About)
		}
		return bad < 5
	})
	for _, kind := range []string{"crash", "hang", "late ack", "Msg-Ids forgotten", "lease lost", "reign", "zombie", "kill all",
		"server restart", "outage of workers", "outage of the coordinator", "stop and resume", "answer failed", "damaged"} {
		if faults[kind] == 0 {
			t.Errorf("%d runs had no fault of kind %q", runs, kind)
		}
	}
	line := fmt.Sprintf("%d runs, %d events, at most %d entries in a ledger and %d frames held early", runs, events, ledger, held)
	for _, k := range slices.Sorted(maps.Keys(faults)) {
		line += fmt.Sprintf(", %s %d", k, faults[k])
	}
	figures.Note(t, "%s; %s", line, time.Since(start).Round(time.Millisecond))
}
