package telemetry

import (
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// mostSeries bounds the values of labels that one metric has. What is beyond is summed up under
// [rest].
const mostSeries = 2000

// rest is the value of all labels of what is beyond the bound.
const rest = "other"

// adder adds to the value of a metric with these labels.
type adder func(v float64, labels ...string)

// asked is a metric whose values are asked for when it is read.
type asked struct {
	desc   *prometheus.Desc
	kind   prometheus.ValueType
	labels int
	ask    func(adder)
}

func newAsked(name, help string, kind prometheus.ValueType, labels []string, ask func(adder)) *asked {
	return &asked{desc: prometheus.NewDesc(name, help, labels, nil), kind: kind, labels: len(labels), ask: ask}
}

// Describe implements prometheus.Collector.
func (a *asked) Describe(ch chan<- *prometheus.Desc) { ch <- a.desc }

// Collect implements prometheus.Collector. Values of equal labels are summed up: two of one
// metric would spoil the whole reading.
func (a *asked) Collect(ch chan<- prometheus.Metric) {
	type series struct {
		labels []string
		value  float64
	}
	all := map[string]*series{}
	a.ask(func(v float64, labels ...string) {
		for i, l := range labels {
			labels[i] = strings.ToValidUTF8(l, "�")
		}
		key := strings.Join(labels, "\x00")
		s := all[key]
		if s == nil && len(all) >= mostSeries {
			labels = slicesOf(rest, a.labels)
			key = strings.Join(labels, "\x00")
			s = all[key]
		}
		if s == nil {
			s = &series{labels: labels}
			all[key] = s
		}
		s.value += v
	})
	for _, s := range all {
		ch <- prometheus.MustNewConstMetric(a.desc, a.kind, s.value, s.labels...)
	}
}

func slicesOf(v string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = v
	}
	return all
}

// bounded keeps the values of one label to a number: kinds come from workers, and so, in a way,
// from outside.
type bounded struct {
	most int

	mu   sync.Mutex
	seen map[string]bool // guarded by mu
}

func (b *bounded) label(v string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.seen[v]:
		return v
	case len(b.seen) >= b.most:
		return rest
	case b.seen == nil:
		b.seen = map[string]bool{}
	}
	b.seen[v] = true
	return v
}
