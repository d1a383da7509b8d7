package protocol

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestOutletDrains lets an edge take, refuse and not answer at will for a while, hundreds of
// publishes in flight among them, and then take all: whatever came before, each unit is through,
// once, and a blocked edge is tried with one alone.
func TestOutletDrains(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var (
			o      outlet
			acts   []Action
			now    time.Duration
			sent   int
			flying []unit
			passed = map[int]int{}
		)
		collect := func() {
			for _, a := range acts {
				if a.Op == OpPublish {
					flying = append(flying, unit{id: a.ID, edge: a.Edge, part: a.Part})
				}
			}
			acts = acts[:0]
		}
		answer := func(i int, r Result) {
			u := flying[i]
			flying = slices.Delete(flying, i, i+1)
			blocked := o.blocked
			if o.answer(u, r, now, &acts) {
				passed[u.part]++
			} else if o.window != 1 {
				t.Fatalf("a refusal leaves a window of %d", o.window)
			}
			collect()
			if blocked && o.blocked && r != OK && len(flying) > 0 && len(acts) > 0 {
				t.Fatal("a refusal has others fly")
			}
		}
		for range rapid.IntRange(1, 12).Draw(t, "turns") {
			for range rapid.SampledFrom([]int{0, 1, 3, 40, 300}).Draw(t, "units") {
				o.send(unit{id: 1, part: sent}, now, &acts)
				sent++
			}
			collect()
			for range rapid.IntRange(0, len(flying)).Draw(t, "answers") {
				answer(rapid.IntRange(0, len(flying)-1).Draw(t, "which"), rapid.SampledFrom([]Result{OK, OK, OK, Refused, Failed}).Draw(t, "result"))
			}
			now += time.Duration(rapid.IntRange(0, 3).Draw(t, "ms")) * time.Millisecond
			o.pump(now, &acts)
			collect()
		}
		for range 2 * (sent + 1) {
			for len(flying) > 0 {
				answer(0, OK)
			}
			now += backoffMax
			o.pump(now, &acts)
			collect()
		}
		if len(passed) != sent || o.blocked || o.flying != 0 {
			t.Fatalf("%d of %d units are through; blocked %v, %d fly, %d wait, window %d", len(passed), sent, o.blocked, o.flying, len(o.queue), o.window)
		}
		for part, n := range passed {
			if n != 1 {
				t.Fatalf("unit %d is through %d times", part, n)
			}
		}
	})
}
