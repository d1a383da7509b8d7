package progress

import (
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// Count returns n with a comma between thousands: 1,234,567.
func Count(n int64) string {
	s := strconv.FormatInt(n, 10)
	first := 0
	if n < 0 {
		first = 1
	}
	for i := len(s) - 3; i > first; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Rate returns n per second with three digits at most: 7.5/s, 416/s, 41.6k/s, 4.2M/s.
func Rate(n int64, d time.Duration) string {
	if d <= 0 {
		return "-"
	}
	v := float64(n) / d.Seconds()
	for _, unit := range []string{"", "k", "M"} {
		if v < 999.5 {
			return short(v) + unit + "/s"
		}
		v /= 1000
	}
	return short(v) + "G/s"
}

func short(v float64) string {
	if v == 0 || v >= 99.95 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'f', 1, 64)
}

// Human returns a duration as people say it: 0.4s, 12s, 3m05s, 2h07m.
func Human(d time.Duration) string {
	switch s := int64(d.Round(time.Second).Seconds()); {
	case d < 9950*time.Millisecond:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	default:
		return fmt.Sprintf("%dh%02dm", s/3600, s%3600/60)
	}
}

// Size returns a number of bytes in binary units: 512 B, 1.5 KiB, 32 MiB.
func Size(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	v := float64(n)
	for _, unit := range []string{"KiB", "MiB", "GiB"} {
		if v /= 1024; v < 1023.5 {
			return fmt.Sprintf("%.3g %s", v, unit)
		}
	}
	return fmt.Sprintf("%.4g TiB", v/1024)
}

// Records returns n with its noun: 1 record, 2,000 records.
func Records(n int64) string {
	if n == 1 {
		return "1 record"
	}
	return Count(n) + " records"
}

// shorten cuts a text to so many columns; an ellipsis says that something is missing.
func shorten(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	if width < 1 {
		return ""
	}
	return string([]rune(s)[:width-1]) + "…"
}
