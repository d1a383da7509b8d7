package coordinator

import (
	"errors"
	"fmt"

	"sluice/recipe"
)

// Fault is an error with a family, by which the API chooses the status and the CLI the exit
// code. Text is for the user; it never holds a secret.
type Fault struct {
	Family Family
	Text   string
	Hint   string             // what to do about it, "" where nothing is obvious
	Found  recipe.Diagnostics // of a refused recipe
	Cause  error
}

// Family says what sort of thing went wrong. Each has one HTTP status; see the api package.
type Family string

// The families of faults.
const (
	Invalid     Family = "invalid"     // the request makes no sense
	Refused     Family = "refused"     // the recipe has faults
	Unknown     Family = "unknown"     // there is no such thing
	Conflict    Family = "conflict"    // not in the state that it is in
	Changed     Family = "changed"     // somebody else changed it meanwhile
	TooLarge    Family = "too_large"   // over a bound on size
	OverLimit   Family = "over_limit"  // over a quota or a rate: later, or with less
	Unnamed     Family = "unnamed"     // who asks is not known
	Forbidden   Family = "forbidden"   // who asks may not
	Unavailable Family = "unavailable" // not now: the store or the leader does not answer
)

// Error implements error.
func (f *Fault) Error() string { return f.Text }

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Cause }

// Faultf makes a fault; a %w in the format is its cause.
func Faultf(family Family, format string, args ...any) *Fault {
	err := fmt.Errorf(format, args...)
	return &Fault{Family: family, Text: err.Error(), Cause: errors.Unwrap(err)}
}

// FamilyOf returns the family of an error, "" for one that is no fault.
func FamilyOf(err error) Family {
	var f *Fault
	if errors.As(err, &f) {
		return f.Family
	}
	return ""
}
