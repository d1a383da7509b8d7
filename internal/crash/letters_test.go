package crash

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/internal/bus"
	"sluice/internal/solo"
)

// lettered makes a dead letter of every fourth record.
var lettered = scene{
	name: "letters", lines: 2400, frame: 8, outputs: []string{"out.txt"}, letters: 250,
	recipe: `
recipe: letters
nodes:
  lines: {kind: file_reader, config: {path: in.log}}
  pace:  {kind: delay, from: lines, config: {duration: 400us}}
  both:  {kind: regex_replace, from: pace, config: {regex: '.*sshd.(\d+).: (\w+) .*', replacement: '$2$1'}}
  text:  {kind: regex_replace, from: both, config: {regex: 'Failed', replacement: ''}}
  value: {kind: parse_int, from: text}
  sum:   {kind: rolling_sum, from: value, config: {values_to_keep: 2}}
  out:   {kind: file_writer, from: sum, config: {path: out.txt}}
`,
}

// lettersIn reads the dead letters of a data folder, and counts them by their records. A letter
// whose record is large has none in it: "".
func lettersIn(t *testing.T, data string) map[string]int {
	seen, ids := map[string]int{}, map[string]bool{}
	opened(t, data, func(ctx context.Context, conn *bus.Conn, rec *bus.JobRecord) {
		names := bus.Names{Job: rec.Job}
		err := conn.Scan(ctx, names.Dead(), names.DeadAll(), 0, func(m *bus.Stored) error {
			lines := bufio.NewReader(bytes.NewReader(m.Data))
			for {
				b, err := lines.ReadBytes('\n')
				if len(bytes.TrimSpace(b)) > 0 {
					var l bus.DeadLetter
					if err := json.Unmarshal(b, &l); err != nil {
						return err
					}
					var text string
					if len(l.Record) > 0 {
						if err := json.Unmarshal(l.Record, &text); err != nil {
							return err
						}
					}
					if seen[text]++; ids[l.ID] {
						t.Errorf("letter %s is stored twice", l.ID)
					}
					ids[l.ID] = true
				}
				if err != nil {
					return nil
				}
			}
		})
		if err != nil {
			t.Error(err)
		}
	})
	return seen
}

// checkLetters reads the dead letters of a data folder: each bad record has one.
func checkLetters(t *testing.T, data string) {
	t.Helper()
	seen := lettersIn(t, data)
	want := 0
	for i := range lettered.lines {
		if i%4 != 3 {
			continue
		}
		want++
		if n := seen[fmt.Sprintf("Accept%06d", i)]; n != 1 {
			t.Errorf("bad record %d has %d letters, want 1", i, n)
		}
	}
	if len(seen) != want {
		t.Errorf("%d different records have letters, want %d", len(seen), want)
	}
}

// TestLetters kills the process often: exactly one letter is kept for each bad record.
func TestLetters(t *testing.T) {
	t.Parallel()
	s := &lettered
	calm := s.calm(t)
	dir := t.TempDir()
	s.lay(t, dir)
	struck := 0
	for k := range kills(t) {
		p := s.run(t, dir, "--resume")
		if !p.until(calm.took/4 + calm.took*time.Duration(k%3)/8) {
			p.want(t, 0)
			break
		}
		p.kill()
		struck++
	}
	if struck == 0 { // the others may find it at its end
		t.Errorf("%d kills struck", struck)
	}
	s.run(t, dir, "--resume").want(t, 0)
	same(t, s.results(t, dir), calm.want)
	checkLetters(t, filepath.Join(dir, "data"))
}

// TestLettersAtFailpoints is the same with loops killed at each point.
func TestLettersAtFailpoints(t *testing.T) {
	t.Parallel()
	s := &lettered
	for seed := range uint64(3) {
		dir := t.TempDir()
		s.lay(t, dir)
		k := newStrikes(seed, 99, "")
		p, said := s.solo(t, dir, solo.Config{Fail: k.fail, Dir: filepath.Join(dir, "data")})
		k.check(t, said)
		if want := int64(s.lines / 4); p.Dead() != want {
			t.Errorf("%d dead letters are counted, want %d", p.Dead(), want)
		}
		checkLetters(t, filepath.Join(dir, "data"))
	}
}

// printed shows its records on the console.
var printed = scene{
	name: "printed", lines: 2400, frame: 8,
	recipe: `
recipe: printed
nodes:
  lines: {kind: file_reader, config: {path: in.log}}
  pace:  {kind: delay, from: lines, config: {duration: 400us}}
  text:  {kind: regex_replace, from: pace, config: {regex: '.*sshd.(\d+).*', replacement: '$1'}}
  out:   {kind: printer, from: text}
`,
}

// TestConsole shows what a console is promised: no line is left out or out of order;
// after a kill the lines of frames that no checkpoint covered, at most a window of an
// ordered step, come again.
func TestConsole(t *testing.T) {
	t.Parallel()
	const window = 64 // frames that an ordered step may have applied ahead of its checkpoint
	s := &printed
	dir := t.TempDir()
	s.lay(t, dir)
	next, again := 0, 0
	for k := 0; ; k++ {
		p := s.run(t, dir, "--resume")
		if k < kills(t) && p.lively(func() bool { return len(p.stdout.String()) > k*300 }) {
			p.kill()
		} else {
			p.want(t, 0)
		}
		lines := strings.Split(strings.TrimSuffix(p.stdout.String(), "\n"), "\n")
		if lines[0] != "" {
			var first int
			if _, err := fmt.Sscanf(lines[0], "%d", &first); err != nil {
				t.Fatal(err)
			}
			if first > next || next-first > (window+1)*s.frame {
				t.Errorf("run %d begins with line %d; the one before ended at %d", k, first, next-1)
			}
			again = max(again, next-first)
			for i, l := range lines {
				if want := fmt.Sprintf("%06d", first+i); l != want {
					t.Fatalf("run %d printed %q, want %q", k, l, want)
				}
			}
			next = first + len(lines)
		}
		if p.cmd.ProcessState.ExitCode() == 0 {
			if t.Logf("%d kills; at most %d lines came again after one", k, again); k == 0 {
				t.Error("no kill struck")
			}
			break
		}
	}
	if next != s.lines {
		t.Errorf("the last line is %d, want %d", next, s.lines)
	}
}
