package coordinator

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/recipe"
)

// Filter says which jobs are listed. The zero value is all.
type Filter struct {
	States []recipe.JobState
	Recipe string
	Owner  string
	Labels map[string]string // that a job must have, with these values
	Since  time.Time         // submitted then or later
	Until  time.Time         // submitted before
	After  string            // the cursor of the page before, "" for the first
	Limit  int               // jobs on a page
}

// Page is a part of a list, newest first.
type Page struct {
	Jobs []Job  `json:"jobs"`
	Next string `json:"next,omitempty"` // the cursor of the next page; "" on the last
}

// Matches reports whether a job is one of those listed, whatever the page.
func (f *Filter) Matches(j *Job) bool {
	switch {
	case len(f.States) > 0 && !slices.Contains(f.States, j.State),
		f.Recipe != "" && f.Recipe != j.Recipe,
		f.Owner != "" && f.Owner != j.Owner,
		!f.Since.IsZero() && j.Created.Before(f.Since),
		!f.Until.IsZero() && !j.Created.Before(f.Until):
		return false
	}
	for k, v := range f.Labels {
		if j.Labels[k] != v {
			return false
		}
	}
	return true
}

// Cursor names a job's place in the list.
func (j *Job) Cursor() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %s", j.Created.UnixNano(), j.ID))
}

// Place reads a cursor.
func Place(cursor string) (created time.Time, id recipe.JobID, err error) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	at, rest, found := strings.Cut(string(b), " ")
	var ns int64
	if err == nil {
		_, err = fmt.Sscanf(at, "%d", &ns)
	}
	if err != nil || !found {
		return created, "", Faultf(Invalid, "the cursor is not one of this list: %q", cursor)
	}
	return time.Unix(0, ns).UTC(), recipe.JobID(rest), nil
}
