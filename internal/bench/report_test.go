package main

import (
	"slices"
	"strings"
	"testing"
)

func TestMissed(t *testing.T) {
	s := &section{title: "x", table: [][]string{{"a"}}}
	s.check(true, "one at most %d", 1)
	s.check(false, "two at most %d", 2)
	s.note("three")
	if got := s.missed(); !slices.Equal(got, []string{"two at most 2"}) {
		t.Errorf("got %q", got)
	}
	for _, want := range []string{"one at most 1: holds", "two at most 2: **missed**", "- three\n"} {
		if !strings.Contains(s.text(), want) {
			t.Errorf("%q is not in\n%s", want, s.text())
		}
	}
}
