package coordinator

import "time"

// AuditEntry is one line of a project's audit log: who did, or was refused, what. It never
// holds a token, a payload or a secret.
type AuditEntry struct {
	ID        uint64    `json:"id,omitempty"` // grows within a project
	At        time.Time `json:"at"`
	Who       string    `json:"who,omitempty"` // the principal's name, "" where it is not known
	Role      Role      `json:"role,omitempty"`
	Key       string    `json:"key,omitempty"`     // the prefix of its key
	Address   string    `json:"address,omitempty"` // where the request came from
	Origin    string    `json:"origin,omitempty"`  // the page that made it, as the browser says
	Request   string    `json:"request,omitempty"` // its id
	Operation string    `json:"operation"`         // as the table of permissions has it
	Object    string    `json:"object,omitempty"`  // what it was about: a job, a recipe, a key's prefix
	Outcome   Outcome   `json:"outcome"`
	Reason    string    `json:"reason,omitempty"` // why it was refused, or did not work
	Lost      uint64    `json:"lost,omitempty"`   // entries before this one that were not kept
}

// Outcome says how an operation ended.
type Outcome string

// The outcomes. Lost is that of an entry which tells that others were lost.
const (
	Allowed   Outcome = "allowed"
	Denied    Outcome = "refused"
	Faulty    Outcome = "failed"
	AuditLost Outcome = "lost"
)

// Outcomes are all outcomes.
var Outcomes = []Outcome{Allowed, Denied, Faulty, AuditLost}

// AuditFilter says which entries are listed. The zero value is all.
type AuditFilter struct {
	Who       string
	Key       string
	Operation string
	Object    string
	Outcome   Outcome
	Since     time.Time // then or later
	Until     time.Time // before
	Before    uint64    // the cursor: entries with lower IDs; 0 from the newest
	Limit     int       // entries on a page; 0 is 100, at most 1,000
}

// AuditPage is a part of the log, newest first.
type AuditPage struct {
	Entries []AuditEntry `json:"entries"`
	Next    uint64       `json:"next,omitempty"` // the cursor of the next page; 0 on the last. A page may be short of its limit
}

// Matches reports whether an entry is one of those listed, whatever the page.
func (f *AuditFilter) Matches(e *AuditEntry) bool {
	return (f.Who == "" || f.Who == e.Who) && (f.Key == "" || f.Key == e.Key) && (f.Operation == "" || f.Operation == e.Operation) &&
		(f.Object == "" || f.Object == e.Object) && (f.Outcome == "" || f.Outcome == e.Outcome) &&
		(f.Since.IsZero() || !e.At.Before(f.Since)) && (f.Until.IsZero() || e.At.Before(f.Until))
}
