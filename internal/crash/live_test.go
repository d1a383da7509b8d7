package crash

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const (
	liveLines = 2400
	liveLarge = 100       // this line is too large for a message
	largeLine = 600 << 10 // bytes of it
)

// liveScene is a job of which some streams are made once it needs them: it reads a web page, which is
// live, makes a dead letter of every fourth record, and has a large value.
func liveScene(t *testing.T) *scene {
	var text strings.Builder
	for i := range liveLines {
		if i == liveLarge {
			fmt.Fprintln(&text, strings.Repeat("7", largeLine))
			continue
		}
		text.WriteString(line(i))
	}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text.String()) }))
	t.Cleanup(site.Close) // behind the parallel tests of t
	return &scene{
		name: "live", lines: liveLines, frame: 8, outputs: []string{"out.txt"}, flags: []string{"--allow-net", "127.0.0.0/8"},
		recipe: `
recipe: live
nodes:
  lines: {kind: fetch_url, config: {url: "` + site.URL + `/lines"}}
  pace:  {kind: delay, from: lines, config: {duration: 400us}}
  both:  {kind: regex_replace, from: pace, config: {regex: '.*sshd.(\d+).: (\w+) .*', replacement: '$2$1'}}
  text:  {kind: regex_replace, from: both, config: {regex: 'Failed', replacement: ''}}
  value: {kind: parse_int, from: text}
  sum:   {kind: rolling_sum, from: value, config: {values_to_keep: 2}}
  out:   {kind: file_writer, from: sum, config: {path: out.txt}}
`,
	}
}

// checkLive holds the dead letters of that job against its input: each bad line has one.
func checkLive(t *testing.T, data string) {
	t.Helper()
	seen, want := lettersIn(t, data), map[string]int{}
	for i := range liveLines {
		if i == liveLarge {
			continue
		}
		if i%4 == 3 {
			want[fmt.Sprintf("Accept%06d", i)] = 1
		}
	}
	large := 0
	for record, n := range seen {
		switch {
		case want[record] == n:
			delete(want, record)
		case record == "" || strings.HasPrefix(record, "7777"):
			large += n
		default:
			t.Errorf("%d letters of %.40q", n, record)
		}
	}
	if len(want) > 0 || large != 1 {
		t.Errorf("%d bad lines have no letter, and the large one has %d", len(want), large)
	}
}
