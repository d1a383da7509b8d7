package nodes

import (
	"encoding/json"
	"fmt"
	"time"
)

// Duration is a setting that recipes write as text: "250ms", "1h30m".
type Duration time.Duration

// Std returns the duration as the time package has it.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String returns the text form.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalJSON writes the text form.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads the text form.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("a duration is written as text, such as \"250ms\"")
	}
	v, err := parseDuration(s)
	*d = v
	return err
}

func parseDuration(s string) (Duration, error) {
	v, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("must be a duration such as \"250ms\" or \"1h30m\", not %q", s)
	}
	if v < 0 {
		return 0, fmt.Errorf("must not be negative, as %q is", s)
	}
	return Duration(v), nil
}
