package main

import (
	"fmt"
	"math"
	"time"

	"github.com/alecthomas/kong"
)

// between is the range of a flag: of a number, or of a time in nanoseconds.
type between struct {
	least, most int64
	wanted      string
}

// ranges are those of flags, by name, that are checked before anything is asked for. They are the
// same for all commands that have the flag.
var ranges = map[string]between{
	"priority": {-10, 10, "a number from -10 to 10"},
	"limit":    {0, math.MaxInt64, "a number from 0, which is no bound"},
	"deadline": {1, math.MaxInt64, "a time above 0, as 2h"},
	"expires":  {1, math.MaxInt64, "a time above 0, as 30d"},
	"since":    {0, math.MaxInt64, "a time from 0, as 24h"},
	"wait":     {0, math.MaxInt64, "a time from 0, as 10s"},
	"for":      {1, int64(longestTap), "a time above 0 and of at most an hour, as 10m"},
}

// outOfRange refuses flags that are given and out of their range.
func outOfRange(parsed *kong.Context) error {
	for _, p := range parsed.Path {
		if p.Flag == nil {
			continue
		}
		var n int64
		value := parsed.FlagValue(p.Flag)
		switch v := value.(type) {
		case int:
			n = int64(v)
		case time.Duration:
			n = int64(v)
		default:
			continue
		}
		if r, bounded := ranges[p.Flag.Name]; bounded && (n < r.least || n > r.most) {
			return usagef("--%s %s: want %s", p.Flag.Name, fmt.Sprint(value), r.wanted)
		}
	}
	return nil
}
