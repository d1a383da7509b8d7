package telemetry

import (
	"cmp"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// mostKinds bounds the kinds that have counters of their own.
const mostKinds = 500

// Worker counts what a worker does. It has the methods of worker.Meter; all may be called from
// any goroutine, take well under a microsecond and do not block.
type Worker struct {
	kinds sync.Map // from a kind to its *counts
	names bounded
	busy  atomic.Int64
}

// counts are those of one kind.
type counts struct {
	label                                                  string
	frames, records, dead, refused, retries, full, commits atomic.Int64
}

// Worker adds the metrics of a worker, and returns what it counts with. concurrency is the most
// frames computed at once, 0 for no bound. The counts are of this process: what a job did in all
// is in its progress.
func (m *Metrics) Worker(concurrency int) *Worker {
	w := &Worker{names: bounded{most: mostKinds}}
	m.reg.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "sluice_worker_busy_nodes", Help: "Frames that are computed now."},
			func() float64 { return float64(w.busy.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "sluice_worker_concurrency_nodes", Help: "Frames computed at once, at most; 0 is no bound."},
			func() float64 { return float64(concurrency) }))
	for _, c := range []struct {
		name, help string
		of         func(*counts) *atomic.Int64
	}{
		{"sluice_step_frames_total", "Frames that were committed here, by kind.", func(c *counts) *atomic.Int64 { return &c.frames }},
		{"sluice_step_records_total", "Records in those frames: read by a source, taken by all others.", func(c *counts) *atomic.Int64 { return &c.records }},
		{"sluice_step_dead_letters_total", "Records that became dead letters.", func(c *counts) *atomic.Int64 { return &c.dead }},
		{"sluice_step_commits_total", "Entries that were written to the ledger.", func(c *counts) *atomic.Int64 { return &c.commits }},
		{"sluice_step_refused_commits_total", "Entries that were refused: another had done the frame.", func(c *counts) *atomic.Int64 { return &c.refused }},
		{"sluice_step_refused_frames_total", "Publishes that a full edge refused.", func(c *counts) *atomic.Int64 { return &c.full }},
		{"sluice_step_retries_total", "Attempts at a record, or at a sink's effect, behind the first.", func(c *counts) *atomic.Int64 { return &c.retries }},
	} {
		m.reg.MustRegister(newAsked(c.name, c.help, prometheus.CounterValue, []string{"kind"}, func(add adder) {
			w.kinds.Range(func(_, v any) bool {
				k := v.(*counts)
				if n := c.of(k).Load(); n > 0 {
					add(float64(n), k.label)
				}
				return true
			})
		}))
	}
	return w
}

// gate is the kind of the steps that compile makes for edges that may lose.
const gate = "gate"

func (w *Worker) of(kind string) *counts {
	if c, ok := w.kinds.Load(kind); ok {
		return c.(*counts)
	}
	label := w.names.label(cmp.Or(kind, gate))
	if label == rest {
		kind = rest
	}
	c, _ := w.kinds.LoadOrStore(kind, &counts{label: label})
	return c.(*counts)
}

// Committed says that a frame's entry was written: records were taken, or read by a source, and
// dead of them became dead letters. Without frames the entry is the second one of its frame.
func (w *Worker) Committed(kind string, frames, records, dead int64) {
	c := w.of(kind)
	c.commits.Add(1)
	c.frames.Add(frames)
	c.records.Add(records)
	c.dead.Add(dead)
}

// Refused says that a frame's entry was refused, since there is one.
func (w *Worker) Refused(kind string) { w.of(kind).refused.Add(1) }

// Full says that an edge below had no room for a frame.
func (w *Worker) Full(kind string) { w.of(kind).full.Add(1) }

// Retried says that a node is tried again.
func (w *Worker) Retried(kind string) { w.of(kind).retries.Add(1) }

// Busy says that nodes begin to work, or that -n are done.
func (w *Worker) Busy(n int64) { w.busy.Add(n) }
