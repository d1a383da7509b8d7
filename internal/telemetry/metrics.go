package telemetry

import (
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the metrics of one process, in a registry of their own.
type Metrics struct {
	reg      *prometheus.Registry
	requests *prometheus.HistogramVec
	handler  http.Handler
}

// scrapeWithin bounds a reading of the metrics, and scrapes those at once.
const (
	scrapeWithin = 10 * time.Second
	scrapes      = 4
)

// New returns the metrics of a service, coordinator, worker or up, of a version: those of the
// process and the Go runtime, and sluice_build_info. What the service is made of is added by the
// other methods, each called once at most.
func New(service, version string) *Metrics {
	m := &Metrics{reg: prometheus.NewRegistry()}
	m.reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "sluice_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"service": service, "version": version, "go": runtime.Version()}})
	build.Set(1)
	m.requests = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "sluice_request_duration_seconds",
		Help: "Time that requests to the API took, until their answer was complete or became a stream of its own.", Buckets: buckets},
		[]string{"operation", "status"})
	m.reg.MustRegister(build, m.requests)
	m.handler = promhttp.HandlerFor(m.reg, promhttp.HandlerOpts{Timeout: scrapeWithin, MaxRequestsInFlight: scrapes})
	return m
}

// buckets are fine where the targets of the API are: 50 ms for a list, 1 s for all.
var buckets = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10}

// Handler serves the metrics in Prometheus' text form.
func (m *Metrics) Handler() http.Handler { return m.handler }

// Connection adds a connection to NATS, named for its project: whether it is there, and how
// often it came back. The functions are called when the metrics are read and must not block.
func (m *Metrics) Connection(project string, connected func() bool, reconnects func() uint64) {
	labels := prometheus.Labels{"project": project}
	m.reg.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "sluice_connection_state", ConstLabels: labels,
			Help: "1 while a NATS server is connected, else 0."}, func() float64 { return number(connected()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "sluice_connection_reconnects_total", ConstLabels: labels,
			Help: "How often a lost connection to NATS came back."}, func() float64 { return float64(reconnects()) }))
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// Coordinator is what a coordinator knows. The functions are called when the metrics are read,
// from any goroutine, and answer from memory; nil ones are left out.
type Coordinator struct {
	Leads   func(yield func(project string, leads bool))               // whether this coordinator leads a project now
	Jobs    func(yield func(project, state string, jobs int))          // jobs by project and state, finished ones in the history too
	Dropped func(yield func(project string, events uint64))            // job events that were dropped since the start, by project
	Backlog func(yield func(kind, pool, project string, frames int64)) // frames that wait or are in hand; an autoscaler reads it
}

// Coordinator adds what a coordinator knows.
func (m *Metrics) Coordinator(c Coordinator) {
	if c.Leads != nil {
		m.reg.MustRegister(newAsked("sluice_leader_state", "1 while this coordinator leads the project, else 0.", prometheus.GaugeValue,
			[]string{"project"}, func(add adder) {
				c.Leads(func(project string, leads bool) { add(number(leads), project) })
			}))
	}
	if c.Jobs != nil {
		m.reg.MustRegister(newAsked("sluice_project_jobs", "Jobs by project and state, those in the history too.", prometheus.GaugeValue,
			[]string{"project", "state"}, func(add adder) {
				c.Jobs(func(project, state string, jobs int) { add(float64(jobs), project, state) })
			}))
	}
	if c.Dropped != nil {
		m.reg.MustRegister(newAsked("sluice_events_dropped_total", "Job events that were dropped since nobody took them in time.", prometheus.CounterValue,
			[]string{"project"}, func(add adder) {
				c.Dropped(func(project string, events uint64) { add(float64(events), project) })
			}))
	}
	if c.Backlog != nil {
		m.reg.MustRegister(newAsked("sluice_kind_backlog_frames", "Frames that wait for a node of the kind or are in hand, of running jobs.", prometheus.GaugeValue,
			[]string{"kind", "pool", "project"}, func(add adder) {
				c.Backlog(func(kind, pool, project string, frames int64) { add(float64(frames), kind, pool, project) })
			}))
	}
}
