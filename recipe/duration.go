package recipe

import (
	"fmt"
	"strconv"
	"strings"
)

// DaysHint says how to write days, such as 2d, which durations do not have; "" when text
// is none.
func DaysHint(text string) string {
	days, ok := strings.CutSuffix(text, "d")
	n, err := strconv.ParseInt(days, 10, 32)
	if !ok || err != nil || n <= 0 {
		return ""
	}
	return fmt.Sprintf("write %dh", 24*n)
}
