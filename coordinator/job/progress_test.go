package job

import (
	"testing"
	"time"

	"sluice/internal/bus"
	"sluice/internal/protocol"
	"sluice/recipe"
)

// TestEarlierIsOfOtherRuns gives a job that is gone on with the ledger's entries of two runs:
// those of the first count as earlier, though no fold has them.
func TestEarlierIsOfOtherRuns(t *testing.T) {
	c := config(t, oneSource)
	provisioned(t, c)
	r := opened(t, c)
	for i, e := range []struct {
		at            time.Duration // from when this run began
		records       uint32
		read, readNow int64
	}{{-time.Minute, 4, 4, 0}, {-time.Second, 1, 5, 0}, {time.Second, 6, 11, 6}, {2 * time.Second, 7, 18, 13}} {
		r.entry(&bus.Stored{Seq: uint64(i + 1), Time: r.began.Add(e.at)},
			&protocol.Entry{Step: 0, Ord: recipe.Ordinal{N: uint64(i)}, Counts: [][]uint32{{e.records}}}, nil)
		if r.reason != "" {
			t.Fatal(r.reason)
		}
		if p := r.progress(); p.Read() != e.read || p.ReadNow() != e.readNow {
			t.Errorf("behind entry %d: got %d read, %d of them in this run; want %d and %d", i, p.Read(), p.ReadNow(), e.read, e.readNow)
		}
	}
}

// TestNothingIsEarlierOfANewJob begins a job.
func TestNothingIsEarlierOfANewJob(t *testing.T) {
	r := provisioned(t, config(t, oneSource))
	r.entry(&bus.Stored{Seq: 1, Time: r.began.Add(-time.Second)}, // by a clock that is behind
		&protocol.Entry{Step: 0, Counts: [][]uint32{{4}}}, nil)
	if p := r.progress(); p.Earlier != nil || p.ReadNow() != 4 {
		t.Errorf("got %+v earlier, and %d read now", p.Earlier, p.ReadNow())
	}
}
