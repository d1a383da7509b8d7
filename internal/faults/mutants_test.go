//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/recipe"
)

// mutant is a build that is broken on purpose, and what checkers say of what is wrong with it.
// Whatever else they find was not looked for.
type mutant struct {
	name   string
	edits  []edit
	caught *regexp.Regexp
}

const (
	// The job has failed since a frame is nowhere, or since other records were taken than produced.
	lostFrames = `has failed: .* does not balance: frame \S+ was produced, it is stored nowhere`
	miscounted = `has failed: .* does not balance: \d+ records produced, \d+ dropped, \d+ taken`
	unbalanced = `^conservation: \S+ gave \d+ records, and \S+ took \d+$|^conservation: the sink took \d+ records and wrote \d+$`
	misplaced  = `^output: doubled, or out of its place`
)

var mutants = []mutant{
	// A frame is done with for the server while what was made of it is on its way.
	{"ack before publish", []edit{{"worker/outbox.go", "	e.Step, e.Version, e.By = o.step.ID,",
		"	if h := o.hand[id]; h != nil && h.msg != nil {\n\t\th.msg.Ack()\n\t}\n	e.Step, e.Version, e.By = o.step.ID,"}}, regexp.MustCompile(lostFrames + "|" + miscounted + "|" + unbalanced)},
	// Whoever is refused goes its own way, as if its verdict were the first.
	{"no commit fence", []edit{{"internal/protocol/relay.go", "	case r == Refused && !m.rules.NoRelayFollow:", "	case false:"}}, regexp.MustCompile(miscounted + "|" + unbalanced + "|" + misplaced)},
}

// erratic makes the kind sample one that throws dice: two attempts at a frame pass different
// records, as those of a kind that asks the outside world do. The commit keeps what the first
// made of it, and only the fence makes the others follow.
var erratic = []edit{
	{"nodes/flow/sample.go", "import (\n", "import (\n\t\"math/rand/v2\"\n\n"},
	{"nodes/flow/sample.go", "	Category: \"flow\",\n", "	Category: \"flow\",\n	Impure: true,\n"},
	{"nodes/flow/sample.go", "c.Rand().Uint64()", "rand.Uint64()"},
}

// dice is the job that such a build runs.
var dice = &scene{name: "dice", pace: "100000000", slow: rate, recipe: `
recipe: dice
params:
  file: {type: string}
  out: {type: string}
  pace: {type: float}
nodes:
  lines: {kind: file_reader, config: {path: "${file}"}}
  pace:  {kind: throttle, from: lines, config: {rate: "${pace}"}}
  some:  {kind: sample, from: pace, config: {rate: 0.5}}
  out:   {kind: file_writer, from: some, config: {path: "${out}"}}
`}

// balanced holds a job against its ledger: what a step gave is
// what the next one took, and what came out is what the sink took.
func balanced(j *coordinator.Job, wrote int64) error {
	if j.Progress == nil {
		return fmt.Errorf("conservation: the job has no progress")
	}
	p := j.Progress.Steps
	for i, s := range p {
		if i > 0 && s.In != p[i-1].Out {
			return fmt.Errorf("conservation: %s gave %d records, and %s took %d", p[i-1].Node, p[i-1].Out, s.Node, s.In)
		}
	}
	if n := p[len(p)-1].In; n != wrote {
		return fmt.Errorf("conservation: the sink took %d records and wrote %d", n, wrote)
	}
	return nil
}

// hunt kills workers on a slow link until a checker of the job finds something, and
// returns what, and in which job; nil after so many. On such a link frames are long between their commit
// and what follows it, so that every kill strikes there.
func hunt(t *testing.T, c *cluster, jobs int) (int, error) {
	for n := range jobs {
		r := c.submit(t.Context(), dice, 8*time.Second)
		for range 2 {
			p := c.workers[0]
			c.workers = append(c.workers[1:], p)
			c.links[p].set(weather{delay: 250 * time.Millisecond})
			if !pass(t.Context(), 2500*time.Millisecond) {
				return n, t.Context().Err()
			}
			p.kill()
			c.links[p].set(weather{})
			p.start(t)
		}
		if err := c.sound(t.Context(), r); err != nil {
			return n + 1, err
		}
	}
	return jobs, nil
}

// mutantPatience is how long a job that lasts seconds may take.
const mutantPatience = 90 * time.Second

// sound asks the checkers about a job that throws dice.
func (c *cluster) sound(ctx context.Context, r *running) error {
	short, cancel := context.WithTimeout(ctx, mutantPatience)
	defer cancel()
	j, err := c.reaches(short, r.id, recipe.JobState.Final)
	if err != nil {
		return err
	}
	if err := ended(&j); err != nil {
		return fmt.Errorf("%w\n%s", err, steps(&j))
	}
	got, err := c.output(ctx, r)
	if err != nil {
		return err
	}
	if err := balanced(&j, int64(strings.Count(string(got), "\n"))); err != nil {
		return err
	}
	at := 0 // what came out are lines of the input, each once and in order
	want := strings.SplitAfter(string(input()), "\n")
	for l := range strings.Lines(string(got)) {
		next := slices.Index(want[at:], l)
		if next < 0 {
			return fmt.Errorf("output: doubled, or out of its place: %.80q", l)
		}
		at += next + 1
	}
	return nil
}

// mutantJobs is how many jobs each build may have; the sound one has them all.
const mutantJobs = 6

// judged holds what a hunt has found against what the build does wrong.
func (m *mutant) judged(found error) error {
	switch {
	case m.caught == nil && found != nil:
		return fmt.Errorf("the sound build: %w", found)
	case m.caught != nil && found == nil:
		return fmt.Errorf("%s: no checker has caught it in %d jobs", m.name, mutantJobs)
	case m.caught != nil && !m.caught.MatchString(found.Error()):
		return fmt.Errorf("%s: what was found is not what it does: %w", m.name, found)
	}
	return nil
}

// TestMutantsAreJudged: a mutant is caught by what it does, and by nothing else that goes wrong.
func TestMutantsAreJudged(t *testing.T) {
	const nowhere = "the job has failed: edge e1 (pace to some) does not balance: frame 0/17 was produced, it is stored nowhere any more, and the ledger has no entry that some took it\n  lines: 3 in"
	none, ack, fence := &mutant{name: "none"}, &mutants[0], &mutants[1]
	for _, row := range []struct {
		m     *mutant
		found string
		good  bool
	}{
		{none, "", true}, {none, nowhere, false},
		{ack, "", false}, {ack, nowhere, true}, {ack, "conservation: pace gave 9 records, and some took 8", true},
		{ack, "output: doubled, or out of its place: \"x\"", false}, {ack, "the job has failed: node out: no space left on device", false},
		{ack, "no coordinator answers: EOF", false}, {ack, "stuck: the job is running; ", false}, {ack, "context deadline exceeded", false},
		{fence, "", false}, {fence, "conservation: the sink took 8 records and wrote 9", true}, {fence, "output: doubled, or out of its place: \"x\"", true},
		{fence, "the job has failed: edge e3 (some to out) does not balance: 8000 records produced, 0 dropped, 8002 taken\n", true}, {fence, nowhere, false}, {fence, "stuck: the job is running; ", false}, {fence, "conservation: the job has no progress", false},
	} {
		var found error
		if row.found != "" {
			found = errors.New(row.found)
		}
		if err := row.m.judged(found); (err == nil) != row.good {
			t.Errorf("%s, found %q: got %v", row.m.name, row.found, err)
		}
	}
}

// TestEditsFit: what broken builds replace stands in the code, so that it is known where that changes.
func TestEditsFit(t *testing.T) {
	t.Parallel()
	all := map[string][]edit{"hasty": hasty, "gossip": gossip, "slips": slices.Concat(gossip, slips)}
	for _, m := range mutants {
		all[m.name] = slices.Concat(hasty, erratic, m.edits)
	}
	for name, edits := range all {
		if _, err := overlay(name, edits); err != nil {
			t.Error(err)
		}
	}
}

// TestMutants: the checkers catch builds that are broken, under the same kills that leave
// them nothing to say of the build that is not.
func TestMutants(t *testing.T) {
	t.Parallel()
	for _, m := range append([]mutant{{name: "none"}}, mutants...) {
		t.Run(strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) {
			minutes(t, true)
			edits := slices.Concat(hasty, erratic, m.edits)
			c := newCluster(t, shape{servers: 1, coordinators: 1, workers: 2, folder: true, build: build(t, "mutant-"+strings.ReplaceAll(m.name, " ", "-"), edits...)})
			n, err := hunt(t, c, mutantJobs)
			if wrong := m.judged(err); wrong != nil {
				t.Log(c.logs(30))
				t.Fatal(wrong)
			}
			if err == nil {
				table.add("the same kills, sound build", n, "R1", good)
				return
			}
			table.add("the same kills, broken build: "+m.name, n, "R1", fmt.Sprintf("caught: %.100s", strings.ReplaceAll(err.Error(), "\n", " ")))
		})
	}
}
