package telemetry

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"sluice/worker"
)

var _ worker.Meter = (*Worker)(nil)

// read returns the metrics as Prometheus reads them: the value of each series.
func read(t *testing.T, m *Metrics) map[string]string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("got %d: %s", w.Code, w.Body)
	}
	all := map[string]string{}
	for line := range strings.Lines(w.Body.String()) {
		if i := strings.LastIndexByte(line, ' '); i > 0 && line[0] != '#' {
			all[line[:i]] = strings.TrimSpace(line[i:])
		}
	}
	return all
}

func holds(t *testing.T, got map[string]string, want map[string]string) {
	t.Helper()
	for series, v := range want {
		if got[series] != v {
			t.Errorf("%s: got %q, want %q", series, got[series], v)
		}
	}
}

// full is a process that is everything.
func full(connected *bool) (*Metrics, *Worker) {
	m := New("up", "v1")
	m.Connection("default", func() bool { return *connected }, func() uint64 { return 3 })
	m.Coordinator(Coordinator{
		Leads: func(yield func(string, bool)) { yield("default", *connected) },
		Jobs: func(yield func(string, string, int)) {
			yield("default", "running", 2)
			yield("default", "running", 1)
			yield("other", "failed", 5)
		},
		Dropped: func(yield func(string, uint64)) { yield("default", 7) },
		Backlog: func(yield func(string, string, string, int64)) {
			yield("md5_hash", "gpu", "default", 40)
			yield("bad\xff", "", "default", 1)
		},
	})
	return m, m.Worker(8)
}

// TestMetrics reads every metric that there is.
func TestMetrics(t *testing.T) {
	connected := true
	m, w := full(&connected)
	w.Committed("md5_hash", 1, 256, 2)
	w.Committed("md5_hash", 1, 100, 0)
	w.Committed("file_writer", 0, 0, 0)
	w.Committed("", 1, 9, 0)
	w.Refused("md5_hash")
	w.Full("md5_hash")
	w.Retried("md5_hash")
	w.Busy(3)
	w.Busy(-1)
	m.observe("list-jobs", 200, 0)
	holds(t, read(t, m), map[string]string{
		`sluice_connection_state{project="default"}`:                                "1",
		`sluice_connection_reconnects_total{project="default"}`:                     "3",
		`sluice_leader_state{project="default"}`:                                    "1",
		`sluice_project_jobs{project="default",state="running"}`:                    "3",
		`sluice_project_jobs{project="other",state="failed"}`:                       "5",
		`sluice_events_dropped_total{project="default"}`:                            "7",
		`sluice_kind_backlog_frames{kind="md5_hash",pool="gpu",project="default"}`:  "40",
		`sluice_kind_backlog_frames{kind="bad�",pool="",project="default"}`:         "1",
		`sluice_step_frames_total{kind="md5_hash"}`:                                 "2",
		`sluice_step_records_total{kind="md5_hash"}`:                                "356",
		`sluice_step_records_total{kind="gate"}`:                                    "9",
		`sluice_step_dead_letters_total{kind="md5_hash"}`:                           "2",
		`sluice_step_commits_total{kind="file_writer"}`:                             "1",
		`sluice_step_refused_commits_total{kind="md5_hash"}`:                        "1",
		`sluice_step_refused_frames_total{kind="md5_hash"}`:                         "1",
		`sluice_step_retries_total{kind="md5_hash"}`:                                "1",
		`sluice_worker_busy_nodes`:                                                  "2",
		`sluice_worker_concurrency_nodes`:                                           "8",
		`sluice_request_duration_seconds_count{operation="list-jobs",status="200"}`: "1",
	})
	connected = false
	holds(t, read(t, m), map[string]string{`sluice_connection_state{project="default"}`: "0", `sluice_leader_state{project="default"}`: "0"})
	build := false
	for series := range read(t, m) {
		build = build || strings.HasPrefix(series, "sluice_build_info{") && strings.Contains(series, `service="up",version="v1"`)
	}
	if !build {
		t.Error("no build info")
	}
}

// TestNames holds all names to one form, and to labels that are bounded.
func TestNames(t *testing.T) {
	connected := true
	m, w := full(&connected)
	w.Committed("a", 1, 1, 1)
	m.observe("x", 200, 0)
	form := regexp.MustCompile(`^sluice_[a-z]+(_[a-z]+)*_(info|jobs|total|frames|nodes|state|seconds)(_bucket|_sum|_count)?(\{.*\})?$`)
	label := regexp.MustCompile(`([a-z]+)="`)
	bounded := "service version go project state kind pool operation status le"
	n := 0
	for series := range read(t, m) {
		if !strings.HasPrefix(series, "sluice_") {
			if !strings.HasPrefix(series, "go_") && !strings.HasPrefix(series, "process_") && !strings.HasPrefix(series, "promhttp_") {
				t.Errorf("%s is none of ours", series)
			}
			continue
		}
		n++
		if !form.MatchString(series) {
			t.Errorf("%s is not named sluice_<noun>_<unit>", series)
		}
		for _, l := range label.FindAllStringSubmatch(series, -1) {
			if !strings.Contains(" "+bounded+" ", " "+l[1]+" ") {
				t.Errorf("%s has the label %s", series, l[1])
			}
		}
	}
	if n < 15 {
		t.Errorf("got %d series", n)
	}
}

// TestBounded floods the labels.
func TestBounded(t *testing.T) {
	m := New("worker", "v1")
	w := m.Worker(0)
	m.Coordinator(Coordinator{Backlog: func(yield func(string, string, string, int64)) {
		for i := range 3 * mostSeries {
			yield(fmt.Sprint("k", i), "", "p", 1)
		}
	}})
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range mostKinds {
				w.Committed(fmt.Sprint("kind", g, "_", i), 1, 1, 0)
			}
		})
	}
	all.Wait()
	requests := m.Requests(nil, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { Operation(r.Context(), r.URL.Path) }))
	for i := range 2 * mostOperations {
		requests.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, fmt.Sprint("/", i), nil))
	}
	got := read(t, m)
	holds(t, got, map[string]string{
		`sluice_step_frames_total{kind="other"}`:                                fmt.Sprint(3 * mostKinds),
		`sluice_kind_backlog_frames{kind="other",pool="other",project="other"}`: fmt.Sprint(2 * mostSeries),
		`sluice_request_duration_seconds_count{operation="other",status="200"}`: fmt.Sprint(mostOperations),
	})
	kinds := 0
	for series := range got {
		if strings.HasPrefix(series, "sluice_step_frames_total") {
			kinds++
		}
	}
	if kinds != mostKinds+1 {
		t.Errorf("got %d kinds", kinds)
	}
}

// TestRequests names and times requests of every sort of end.
func TestRequests(t *testing.T) {
	m := New("coordinator", "v1")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/jobs/{id}", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") })
	mux.HandleFunc("GET /named", func(w http.ResponseWriter, r *http.Request) {
		Operation(r.Context(), "named-operation")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusTeapot)
		w.(http.Flusher).Flush()
	})
	mux.HandleFunc("GET /quiet", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /panics", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	hijacked := make(chan struct{})
	mux.HandleFunc("GET /socket", func(w http.ResponseWriter, _ *http.Request) {
		c, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		_ = rw.Flush()
		<-hijacked
		c.Close()
	})
	s := httptest.NewServer(m.Requests(nil, mux))
	defer s.Close()
	once := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // so that nothing is sent again
	for _, path := range []string{"/v1/jobs/one", "/v1/jobs/two", "/named", "/quiet", "/panics", "/nowhere"} {
		if answer, err := once.Get(s.URL + path); err == nil {
			_, _ = io.Copy(io.Discard, answer.Body) // its end comes behind the count, what was flushed before
			answer.Body.Close()
		} else if path != "/panics" {
			t.Error(err)
		}
	}
	c, err := http.NewRequest(http.MethodGet, s.URL+"/socket", nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Header.Set("Connection", "Upgrade")
	c.Header.Set("Upgrade", "x")
	answer, err := http.DefaultClient.Do(c)
	if err != nil {
		t.Fatal(err)
	}
	got := read(t, m) // while the session goes on
	close(hijacked)
	answer.Body.Close()
	count := func(operation string, status int) string {
		return fmt.Sprintf(`sluice_request_duration_seconds_count{operation="%s",status="%d"}`, operation, status)
	}
	holds(t, got, map[string]string{
		count("GET /v1/jobs/{id}", 200): "2",
		count("named-operation", 418):   "1",
		count("GET /quiet", 200):        "1",
		count("GET /panics", 500):       "1",
		count("unmatched", 404):         "1",
		count("GET /socket", 101):       "1",
	})
	if answer.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("got %s", answer.Status)
	}
}

// BenchmarkCommitted is what a frame's count costs.
func BenchmarkCommitted(b *testing.B) {
	w := New("worker", "v1").Worker(0)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			w.Committed("md5_hash", 1, 256, 0)
		}
	})
}

// TestDocumented compares the metrics with the table of docs/monitoring.md.
func TestDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "monitoring.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(sluice_[a-z_]+)` \\|([a-z, ]*)\\|").FindAllStringSubmatch(string(page), -1) {
		documented[row[1]] = strings.TrimSpace(row[2])
	}
	connected := true
	m, w := full(&connected)
	w.Committed("a", 1, 1, 1)
	w.Refused("a")
	w.Full("a")
	w.Retried("a")
	m.observe("x", 200, 0)
	families, err := m.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "sluice_") {
			continue
		}
		have, there := documented[f.GetName()]
		var labels []string
		for _, l := range f.Metric[0].Label {
			labels = append(labels, l.GetName())
		}
		want := strings.Split(have, ", ")
		slices.Sort(want)
		if !there || strings.Join(want, " ") != strings.Join(labels, " ") {
			t.Errorf("%s has the labels %q; docs/monitoring.md says %q", f.GetName(), labels, have)
		}
		delete(documented, f.GetName())
	}
	if len(documented) > 0 {
		t.Errorf("docs/monitoring.md has metrics that are none: %v", documented)
	}
}
