package recipe

import "strings"

// Nearest returns the name among candidates that name was probably meant to be, or
// "" when none is near: at most a third of its letters may have to be changed,
// added, left out or swapped with their neighbour, or else it is the beginning of the
// other or a part of it. Case does not count, nor - for _. Of equals the first one wins;
// name itself is never near.
func Nearest(name string, candidates []string) string {
	const longest = 64
	if len(name) == 0 || len(name) > longest {
		return ""
	}
	plain := plainName(name)
	best, found := max(1, len(name)/3)+1, ""
	if len(name) == 1 { // every other letter is one edit away
		best = 1
	}
	for _, c := range candidates {
		if c == name || len(c) > longest || len(c)-len(name) >= best || len(name)-len(c) >= best {
			continue
		}
		if d := distance(plain, plainName(c)); d < best {
			best, found = d, c
		}
	}
	if found == "" {
		return containing(plain, candidates)
	}
	return found
}

func plainName(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }

// containing returns the candidate that begins with a name, or has it among its words.
func containing(name string, candidates []string) string {
	const least = 3 // letters that say something
	if len(name) < least {
		return ""
	}
	found := ""
	for _, c := range candidates {
		switch plain := plainName(c); {
		case plain == name:
		case strings.HasPrefix(plain, name):
			return c
		case found == "" && strings.Contains(plain, name):
			found = c
		}
	}
	return found
}

// DidYouMean returns a diagnostic's hint for a name that is not known, or "".
func DidYouMean(name string, candidates []string) string {
	if n := Nearest(name, candidates); n != "" {
		return "did you mean " + n + "?"
	}
	return ""
}

// distance is the number of single-letter edits and swaps of neighbours between two
// texts (optimal string alignment).
func distance(a, b string) int {
	before := make([]int, len(b)+1)
	last := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
