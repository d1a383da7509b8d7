package simulation

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"sluice/internal/protocol"
)

// TestRulesAreNeeded switches one rule off at a time: the simulation must find a run that
// goes wrong without it.
func TestRulesAreNeeded(t *testing.T) {
	if testing.Short() {
		t.Skip("the rules are switched off in the long form only")
	}
	rules := protocol.Rules{}
	with := func(set func(*protocol.Rules)) Options {
		r := rules
		set(&r)
		return Options{Rules: r}
	}
	tests := []struct {
		rule string
		opt  Options
	}{
		{"steps commit before they publish", with(func(r *protocol.Rules) { r.PublishFirst = true })},
		{"steps acknowledge behind the publish", Options{AckFirst: true}},
		{"sources commit before they publish", with(func(r *protocol.Rules) { r.SourceUncommit = true })},
		{"owners follow the ledger", with(func(r *protocol.Rules) { r.NoFollow = true })},
		{"a refused relay follows the entry", with(func(r *protocol.Rules) { r.NoRelayFollow = true })},
		{"a refused source follows the entry", with(func(r *protocol.Rules) { r.NoSourceFollow = true })},
		{"dead letters are confirmed by a second entry", with(func(r *protocol.Rules) { r.OneEntry = true })},
		{"drop_newest is decided in the publisher's commit", Options{LateDrop: true}},
		{"only who saved done acknowledges a split", with(func(r *protocol.Rules) { r.AckUndone = true })},
		{"sources keep to the bytes", with(func(r *protocol.Rules) { r.NoBytes = true })},
		{"a takeover deletes the old consumers", Options{KeepOld: true}},
		{"impure kinds keep their answer in the entry", Options{NoKept: true}},
		{"with it their dead letters", Options{KeptBare: true}},
		{"ordinals have lanes", Options{NoLanes: true}},
		{"gates read lossy edges", Options{NoGates: true}},
		{"somebody helps gates", Options{NoRescue: true}},
		{"a save refused by itself is recalled", with(func(r *protocol.Rules) { r.NoRecall = true })},
		{"what is stored is not published again", with(func(r *protocol.Rules) { r.NoCount = true })},
		{"the purge's mark is job-wide", with(func(r *protocol.Rules) { r.FoldEachStep = true })},
		{"the purge's mark never passes an unfinished split's checkpoint", with(func(r *protocol.Rules) { r.IgnoreCheckpoint = true })},
		{"marks never go back", with(func(r *protocol.Rules) { r.MarksFall = true })},
		{"the fold is written before the purge", Options{PurgeFirst: true}},
		{"who takes the job up writes the fold once more", Options{NoFence: true}},
		{"values are deleted behind the marks", Options{SweepFirst: true}},
		{"a copy whose value is gone below the mark is acknowledged", Options{NoLate: true}},
		{"sources keep to the window", with(func(r *protocol.Rules) { r.NoWindow = true })},
		{"sources keep to the job's mark", with(func(r *protocol.Rules) { r.NoAhead = true })},
		{"a split without credit is given back", with(func(r *protocol.Rules) { r.NoYield = true })},
		{"edges to ordered steps have room for the window", Options{NarrowEdges: true}},
		{"consumers of ordered steps hand out the window", Options{NarrowHand: true}},
		{"a consumer's name has the epoch", Options{NoEpoch: true}},
		{"a takeover replaces consumers before it reads", Options{ReadFirst: true}},
		{"an arrival sink reads the mark before its effect", with(func(r *protocol.Rules) { r.NoMark = true })},
		{"an arrival sink makes a second entry behind its effect", with(func(r *protocol.Rules) { r.ClaimOnly = true })},
		{"a frame without an effect gives its slot back", Options{NoFree: true}},
		{"an arrival sink commits before its effect", with(func(r *protocol.Rules) { r.NoClaim = true })},
	}
	page, err := os.ReadFile("../../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		if !strings.Contains(string(page), "| "+test.rule+" |") {
			t.Errorf("docs/protocol.md has no row for the rule that %s", test.rule)
		}
		t.Run(strings.ReplaceAll(test.rule, " ", "_"), func(t *testing.T) {
			if o := Run(knownSeed(string(page), test.rule), test.opt); o.Fault != "" && os.Getenv("SLUICE_SEEDS") == "" {
				t.Logf("without the rule that %s, seed %d: %s\n%s", test.rule, o.Seed, o.Fault, o.About)
				return
			}
			runs := 0
			var found *Outcome
			each(seeds(t, 5000), test.opt, func(o Outcome) bool {
				runs++
				if o.Fault != "" && (found == nil || o.Seed < found.Seed) {
					found = &o
				}
				return o.Fault == ""
			})
			if found == nil {
				t.Fatalf("%d runs went well without the rule that %s", runs, test.rule)
			}
			t.Logf("without the rule that %s, seed %d: %s\n%s", test.rule, found.Seed, found.Fault, found.About)
		})
	}
}

// knownSeed is the seed of a rule's row in the page: where the run still goes wrong, those
// before it need not be looked for again. When SLUICE_SEEDS is set they are: `make lasting`
// looks for all.
func knownSeed(page, rule string) uint64 {
	_, row, _ := strings.Cut(page, "| "+rule+" |")
	row, _, _ = strings.Cut(row, "\n")
	cells := strings.Split(row, "|")
	seed, err := strconv.ParseUint(strings.TrimSpace(cells[max(0, len(cells)-2)]), 10, 64)
	if err != nil {
		return 1
	}
	if seed > 5000 {
		return 1 // a row may not say more
	}
	return seed
}

// TestErraticNodesAreNamed runs nodes that are no functions: what comes of them must be an
// error that names one, never an account that does not balance or a job that stands still.
func TestErraticNodesAreNamed(t *testing.T) {
	named := 0
	each(seeds(t, 1000), Options{Erratic: true}, func(o Outcome) bool {
		switch {
		case strings.HasPrefix(o.Fault, "node "):
			named++
		case o.Fault != "":
			t.Errorf("seed %d: %s\n%s", o.Seed, o.Fault, o.About)
		}
		return !t.Failed()
	})
	if named == 0 {
		t.Error("no erratic node was met")
	}
	t.Logf("%d runs named an erratic node", named)
	found := false
	each(seeds(t, 1000), Options{Erratic: true, Rules: protocol.Rules{NoCompare: true}}, func(o Outcome) bool {
		found = found || o.Fault != ""
		return !found
	})
	if !found {
		t.Error("without the comparison everything went well")
	}
}
