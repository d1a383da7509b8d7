package coordinator

import (
	"encoding/json"
	"time"

	"sluice/recipe"
)

// TapLine is a line of the stream of a tap. One of Start, Record, Gap, Heartbeat and End is set: a
// stream begins with Start, and one without End was cut.
type TapLine struct {
	Start     []TapPoint      `json:"start,omitempty"`
	From      string          `json:"from,omitempty"`   // with Record, where several outputs are tapped: which
	Record    json.RawMessage `json:"record,omitempty"` // as results have it: text, a JSON value, or bytes as {"base64": …}
	Gap       *TapGap         `json:"gap,omitempty"`    // what was left out here
	Heartbeat time.Time       `json:"heartbeat,omitzero"`
	End       *TapEnd         `json:"end,omitempty"`
}

// TapPoint is an output that is tapped.
type TapPoint struct {
	Name string        `json:"name"`
	Edge recipe.EdgeID `json:"edge"`
	Type recipe.Type   `json:"type"` // of its records
}

// TapGap is what a tap has left out: because its reader did not keep up, since nobody waits for
// one, or because it could not be read.
type TapGap struct {
	Frames  int  `json:"frames"`
	Records int  `json:"records"`           // in those frames whose header was seen
	Unknown bool `json:"unknown,omitempty"` // and nobody knows how many more
}

// Any reports whether something was left out.
func (g TapGap) Any() bool { return g != TapGap{} }

// Add adds what else was left out.
func (g *TapGap) Add(more TapGap) {
	g.Frames, g.Records, g.Unknown = g.Frames+more.Frames, g.Records+more.Records, g.Unknown || more.Unknown
}

// TapEnd is why a tap ended, and what it has shown.
type TapEnd struct {
	Why     TapReason `json:"why"`
	Text    string    `json:"text"` // for people
	Records int       `json:"records"`
	LeftOut TapGap    `json:"left_out"` // the sum of the gaps
}

// TapReason says why a tap ended.
type TapReason string

// The reasons.
const (
	TapJobOver TapReason = "job_over" // the job has ended
	TapAtRest  TapReason = "at_rest"  // nothing passes until the job goes on
	TapRecords TapReason = "records"  // as many records as were asked for
	TapTime    TapReason = "time"     // as long as was asked for
	TapClosed  TapReason = "closed"   // the coordinator ends
)
