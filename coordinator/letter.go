package coordinator

import (
	"encoding/json"
	"time"

	"sluice/recipe"
)

// DeadLetter is a record that a job gave up, as lists show it.
type DeadLetter struct {
	ID       string       `json:"id"` // unique within the job
	Job      recipe.JobID `json:"job"`
	Node     string       `json:"node"`
	Kind     string       `json:"kind"`
	Attempts int          `json:"attempts"`
	Reason   string       `json:"reason"`
	Place    string       `json:"place,omitempty"` // in what the source read: file and offset
	At       time.Time    `json:"at,omitzero"`
	Replayed recipe.JobID `json:"replayed_by,omitempty"` // the replay that has it
}

// DeadLetterWhole is a dead letter with its record.
type DeadLetterWhole struct {
	DeadLetter
	Port   string          `json:"port,omitempty"` // at which it had arrived; "" for one of a source
	Type   recipe.Type     `json:"type"`
	Record json.RawMessage `json:"record,omitempty"` // a JSON value; a string for strings that are valid UTF-8
	Raw    []byte          `json:"raw,omitempty"`    // base64, where the record is not valid UTF-8
	From   any             `json:"from,omitempty"`   // out of what a source made it
}

// DeadLetterPage is a part of a list of dead letters, in the order in which they were given up.
type DeadLetterPage struct {
	Letters []DeadLetter `json:"letters"`
	Next    string       `json:"next,omitempty"` // the cursor of the next page; "" on the last
}
