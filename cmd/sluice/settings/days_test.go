package settings

import (
	"testing"
	"time"
)

func TestTimesInDays(t *testing.T) {
	for text, want := range map[string]time.Duration{"30d": 30 * day, "1d12h": 36 * time.Hour, "90s": 90 * time.Second, "-1d": -day, "0d": 0, "168h": 7 * day} {
		if got, err := readTime(text); err != nil || got != want {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"d", "1.5d", "1d2d", "1dx", "1d-1h", "1d25h", "1000000d", "99999999999999999999d", "", "30"} {
		if got, err := readTime(text); err == nil {
			t.Errorf("%s: got %v, want an error", text, got)
		}
	}
	rows, err := Check("up", file(t, "history: 7d\n"), nil, environment())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.Name == "history" && r.Value != "168h0m0s" {
			t.Errorf("got %+v", r)
		}
	}
}
