package nodes

import "strings"

// Nearest returns the name among the given ones that name was probably meant to be:
// the one with the fewest letters left out, added, changed or swapped, when they are
// at most a third of it. Case and underscores count for little.
func Nearest(name string, among []string) (string, bool) {
	best, dist := "", len(name)/3+1
	name = plainName(name)
	for _, a := range among {
		other := plainName(a)
		if len(other) > len(name)+4*dist || len(name) > len(other)+4*dist { // at most 4 bytes a letter
			continue
		}
		d := editDistance(name, other)
		if d < dist || d == dist && best == "" && d == 1 {
			best, dist = a, d
		}
	}
	return best, best != ""
}

var plain = strings.NewReplacer("_", "", "-", "", " ", "")

func plainName(s string) string {
	return plain.Replace(strings.ToLower(s))
}

// editDistance is the optimal string alignment distance, with one row of memory for
// each of the last two letters. Names beyond 64 letters are never near.
func editDistance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	var rows [3][65]int
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur, prev, before := &rows[i%3], &rows[(i+2)%3], &rows[(i+1)%3]
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
	}
	return rows[len(a)%3][len(b)]
}
