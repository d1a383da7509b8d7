package progress

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"sluice/recipe"
)

var update = flag.Bool("update", false, "write the golden files anew")

// snapshots is a job with a gate, dead letters and an unread port, at five moments.
func snapshots() []recipe.Progress {
	at := func(seconds float64, state recipe.JobState, fraction float64, n int64) recipe.Progress {
		return recipe.Progress{
			Job: "j1", Recipe: "failed-logins", State: state,
			Elapsed: time.Duration(seconds * float64(time.Second)), Fraction: fraction,
			Steps: []recipe.StepProgress{
				{Node: "lines", Kind: "file_reader", Role: recipe.RoleSource, In: n, Out: n},
				{Node: "failed", Kind: "regex_match", Role: recipe.RoleRelay, In: n, Out: n * 3 / 4},
				{Node: "out.in~gate", Kind: "gate", Role: recipe.RoleGate, In: n * 3 / 4, Out: n / 2, Dropped: n / 8, Expired: n*3/4 - n/2 - n/8},
				{Node: "out", Kind: "file_writer", Role: recipe.RoleOrdered, In: n / 2, Dead: n / 100_000},
			},
			Unread: []recipe.UnreadPort{{Node: "failed", Port: "else", Records: n / 4}},
		}
	}
	last := at(12.4, recipe.JobFailed, 1, 1_000_000)
	last.Reason = "edge e3 does not balance: 750,000 records left it, 749,999 have a verdict"
	return []recipe.Progress{
		at(0.1, recipe.JobPending, -1, 0),
		at(0.3, recipe.JobRunning, 0.02, 20_000),
		at(6, recipe.JobRunning, 0.5, 500_000),
		at(6.5, recipe.JobRunning, 0.52, 520_000),
		last,
	}
}

func TestGolden(t *testing.T) {
	for _, c := range []struct {
		name  string
		mode  Mode
		width int
	}{
		{"bar", Bar, 120}, {"bar-narrow", Bar, 50}, {"lines", Lines, 80}, {"events", JSON, 80}, {"none", None, 80},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			v, err := New(Config{Mode: c.mode, Out: &out, Width: func() int { return c.width }})
			if err != nil {
				t.Fatal(err)
			}
			all := snapshots()
			for _, p := range all {
				v.Show(p)
			}
			v.Close(&all[len(all)-1], 1)
			golden(t, c.name, strings.ReplaceAll(out.String(), eraseLine, "<erase>\n"))
		})
	}
	t.Run("summary", func(t *testing.T) {
		var out bytes.Buffer
		Summary(&out, snapshots()[4], 0)
		golden(t, "summary", out.String())
		out.Reset()
		Summary(&out, snapshots()[4], 50)
		golden(t, "summary-narrow", out.String())
	})
}

func TestBarStaysInItsLine(t *testing.T) {
	p := snapshots()[2]
	for width := range 200 {
		if line := barLine(&p, "1s left", width); utf8.RuneCountInString(line) > max(width-1, 0) || strings.ContainsAny(line, "\r\n") {
			t.Errorf("width %d: got %d columns: %q", width, len(line), line)
		}
	}
}

// TestForecast gives a job that an earlier process had half done: what is left is guessed
// from this process alone.
func TestForecast(t *testing.T) {
	var f forecast
	for _, c := range []struct {
		fraction float64
		elapsed  time.Duration
		want     string
	}{
		{-1, time.Second, ""}, {0.5, time.Second, ""}, {0.505, 5 * time.Second, ""}, {0.6, 11 * time.Second, "40s left"},
		{0.9, 41 * time.Second, "10s left"}, {1, 51 * time.Second, ""},
	} {
		if got := f.left(&recipe.Progress{Fraction: c.fraction, Elapsed: c.elapsed}); got != c.want {
			t.Errorf("%v after %v: got %q, want %q", c.fraction, c.elapsed, got, c.want)
		}
	}
	if got := percent(0.9999); got != 99 {
		t.Errorf("got %d%% before the end", got)
	}
}

func TestGaugeOfUnknownLength(t *testing.T) {
	p := recipe.Progress{Fraction: -1}
	for i := range 100 {
		p.Elapsed = time.Duration(i) * 200 * time.Millisecond
		if g := gauge(&p, 24); strings.Count(g, "=") != 3 || len(g) != 26 {
			t.Fatalf("at %s: got %q, want a mark of 3 in 24", p.Elapsed, g)
		}
	}
}

func TestGuardKeepsTheBarOffOutput(t *testing.T) {
	var screen bytes.Buffer
	v, err := New(Config{Mode: Bar, Out: &screen})
	if err != nil {
		t.Fatal(err)
	}
	out := v.Guard(&screen)
	fmt.Fprint(out, "before any bar\n")
	v.Show(snapshots()[2])
	fmt.Fprint(out, "half ")
	v.Show(snapshots()[2]) // must not tear the line that has begun
	fmt.Fprint(out, "a line\n")
	fmt.Fprint(out, "a line\n")
	v.Close(&snapshots()[2], 130)
	p := snapshots()[2]
	bar := barLine(&p, "", 80)
	want := "before any bar\n" + eraseLine + bar + eraseLine + "half a line\n" +
		eraseLine + bar + eraseLine + "a line\n" + eraseLine + bar + eraseLine
	if got := screen.String(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestEventsAreJSON(t *testing.T) {
	var out bytes.Buffer
	v, err := New(Config{Mode: JSON, Out: &out})
	if err != nil {
		t.Fatal(err)
	}
	v.Show(snapshots()[1])
	v.Close(&snapshots()[4], 1)
	var names []string
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		var e struct {
			Event string
			State recipe.JobState
			Steps []recipe.StepProgress
			Exit  *int
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if len(e.Steps) != 4 {
			t.Errorf("got %d steps, want 4", len(e.Steps))
		}
		names = append(names, e.Event+" "+string(e.State))
		if e.Exit != nil {
			names = append(names, fmt.Sprint("exit ", *e.Exit))
		}
	}
	if got, want := strings.Join(names, ", "), "progress running, end failed, exit 1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestFigures(t *testing.T) {
	for got, want := range map[string]string{
		Count(0): "0", Count(-1234): "-1,234", Count(999): "999", Count(1_234_567): "1,234,567", Count(-123): "-123",
		Rate(0, time.Second): "0/s", Rate(75, 10*time.Second): "7.5/s", Rate(416_000, time.Second): "416k/s",
		Rate(999_600, time.Second): "1.0M/s", Rate(1, 0): "-", Rate(41_600, time.Second): "41.6k/s",
		Human(400 * time.Millisecond): "0.4s", Human(59700 * time.Millisecond): "1m00s", Human(185 * time.Second): "3m05s",
		Human(2*time.Hour + 7*time.Minute): "2h07m", Human(12 * time.Second): "12s",
		Size(0): "0 B", Size(1536): "1.5 KiB", Size(32 << 20): "32 MiB", Size(5 << 40): "5 TiB",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestUnknownMode(t *testing.T) {
	if _, err := New(Config{Mode: "loud"}); err == nil {
		t.Error("got no error for an unknown mode")
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%swant\n%s(go test -update writes it anew)", path, got, want)
	}
}

// TestRatesAreOfThisProcess shows a job that was gone on with: what was done before makes no
// rate, neither in the line nor in a row of the table, gates and all.
func TestRatesAreOfThisProcess(t *testing.T) {
	all := snapshots()
	p := all[4]
	p.Elapsed, p.Earlier = 2*time.Second, all[3].Steps // 520,000 of 1,000,000 were read
	var out bytes.Buffer
	Summary(&out, p, 0)
	if want := "since it was gone on with (240k/s)\n"; !strings.Contains(out.String(), want) {
		t.Errorf("got\n%s\nwant %q in it", out.String(), want)
	}
	for node, want := range map[string]string{"lines": "240k/s", "failed": "240k/s", "out": "180k/s"} {
		for line := range strings.Lines(out.String()) {
			if f := strings.Fields(line); f[0] == node && f[len(f)-1] != want {
				t.Errorf("%s: got rate %s, want %s", node, f[len(f)-1], want)
			}
		}
	}
	if line := plainLine(&p, ""); !strings.Contains(line, "1,000,000 read, 240k/s,") {
		t.Errorf("got %q", line)
	}
	if line := barLine(&p, "", 200); !strings.Contains(line, "1,000,000 read  240k/s") {
		t.Errorf("got %q", line)
	}
}

// TestGlance: what is told of a job from outside is true whether it moves, stands still or went on.
func TestGlance(t *testing.T) {
	run := snapshots()[2]
	rests, again := run, run
	rests.State = recipe.JobPaused
	again.State, again.Earlier = recipe.JobSucceeded, snapshots()[1].Steps
	for _, c := range []struct {
		p     recipe.Progress
		still bool
		want  string // the headline, "" for nothing at all
	}{
		{run, false, "failed-logins: running, 500,000 records read in 6.0s (83.3k/s)"},
		{rests, true, "failed-logins: paused, 500,000 records read"},
		{again, false, "failed-logins: succeeded, 500,000 records read, 480,000 of them in the 6.0s since it was gone on with (80.0k/s)"},
		{recipe.Progress{State: recipe.JobPaused}, true, ""},
	} {
		var b strings.Builder
		Glance(&b, c.p, c.still, 0)
		if line, rest, _ := strings.Cut(b.String(), "\n"); line != c.want || c.still && strings.Contains(rest, "/s") {
			t.Errorf("got\n%s\nwant %q first", b.String(), c.want)
		}
	}
}

// TestSummaryOfLegs: the end of a job that was gone on with tells the whole of it, and of which part
// the time and the rate are.
func TestSummaryOfLegs(t *testing.T) {
	p := snapshots()[2]
	p.State, p.Earlier = recipe.JobSucceeded, snapshots()[1].Steps
	var b strings.Builder
	Summary(&b, p, 0)
	const want = "failed-logins: succeeded, 500,000 records read, 480,000 of them in the 6.0s since it was gone on with (80.0k/s)\n"
	if !strings.HasPrefix(b.String(), want) {
		t.Errorf("got\n%s\nwant %s", b.String(), want)
	}
}
