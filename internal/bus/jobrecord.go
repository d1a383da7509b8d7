package bus

import (
	"encoding/json"
	"time"

	"sluice/recipe"
)

// JobRecord is what the coordinator says of a job: workers act on it.
type JobRecord struct {
	Job        recipe.JobID    `json:"job"`
	State      recipe.JobState `json:"state"`
	Generation uint64          `json:"generation"`    // counts the starts; part of consumers' names
	Run        string          `json:"run,omitempty"` // of who wrote it: a random word of each run
	Plan       *recipe.Plan    `json:"plan"`
	Frames     int             `json:"frames,omitempty"`   // version of its frames, and of all else that is stored of it; 0 is 1
	Drain      bool            `json:"drain,omitempty"`    // its sources are to end early, whatever comes between
	Reason     string          `json:"reason,omitempty"`   // why it failed
	Parent     recipe.JobID    `json:"parent,omitempty"`   // the job whose dead letters this one replays
	AckWait    time.Duration   `json:"ack_wait"`           // of stateless steps and splits
	Lease      time.Duration   `json:"lease"`              // of ordered steps
	Origin     Origin          `json:"origin,omitzero"`    // how it was started
	Priority   int             `json:"priority,omitempty"` // among other jobs, -10 to 10
	Started    time.Time       `json:"started"`
	Ended      time.Time       `json:"ended,omitzero"`
	Revision   uint64          `json:"-"` // of the record in its stream
}

// Origin says from where and how a job was started, for who goes on with it: its paths
// mean what they meant then only under the same root.
type Origin struct {
	Root   string   `json:"root,omitempty"`   // absolute, symbolic links resolved
	Folder string   `json:"folder,omitempty"` // the working folder, absolute
	Args   []string `json:"args,omitempty"`   // the command line, which never has a secret's value
}

// SplitMessage is what waits in a source's queue: a split, or the order to list them.
type SplitMessage struct {
	List  bool   `json:"list,omitempty"`
	Split uint32 `json:"split"`
}

// SplitList is the stored list of a source's splits, written once a job.
type SplitList struct {
	Splits []json.RawMessage `json:"splits"`
	Sizes  []int64           `json:"sizes,omitempty"` // of the splits, in the unit of their offsets; none when not known
	Live   bool              `json:"live,omitempty"`  // one split that reads the input log
	Empty  bool              `json:"empty,omitempty"` // the one split holds nothing
	Ref    string            `json:"ref,omitempty"`   // the list is the large value of that name
	Count  int               `json:"count,omitempty"` // its length
}

// Lease says who reigns over an ordered step. A reader who sees the same lease for longer
// than its time takes it over: no two clocks are compared.
type Lease struct {
	Worker     string `json:"worker"`
	Generation uint64 `json:"generation"`
	Epoch      uint64 `json:"epoch"`
	Beat       uint64 `json:"beat"`
}

// SplitRecord is the stored checkpoint of a split.
type SplitRecord struct {
	N      uint64 `json:"n"`
	Offset int64  `json:"offset"`
	Done   bool   `json:"done,omitempty"`
}

// DeadLetter is a record that was given up, as it is stored.
type DeadLetter struct {
	ID       string          `json:"id"` // step.ordinal.index
	Job      recipe.JobID    `json:"job"`
	Node     string          `json:"node"`
	Kind     string          `json:"kind"`
	Port     string          `json:"port,omitempty"`
	Type     recipe.Type     `json:"type"`
	Record   json.RawMessage `json:"record"`            // a JSON value; a string for strings that are valid UTF-8
	Raw      []byte          `json:"raw,omitempty"`     // base64, where the record is not valid UTF-8
	Ref      string          `json:"ref,omitempty"`     // the record is the large value of that name
	RefRaw   bool            `json:"ref_raw,omitempty"` // and is not valid UTF-8
	Place    string          `json:"place,omitempty"`   // where it came from: file and offset
	Reason   string          `json:"reason"`
	Attempts int             `json:"attempts"`
	At       time.Time       `json:"at,omitzero"`
}

// Chore is what a worker asks the coordinator of a job for, because only coordinators make
// streams and remove what is stored. Each may be asked for again, or late: what is removed is
// said by sequences that nobody needs any more.
type Chore struct {
	Make     Later  `json:"make,omitempty"`     // make this stream
	Step     int    `json:"step"`               // what follows is of this step
	Input    uint64 `json:"input,omitempty"`    // remove its input log below this sequence
	Journal  uint64 `json:"journal,omitempty"`  // remove its journal below this sequence
	Revision uint64 `json:"revision,omitempty"` // remove the pieces of its state below this revision
}

// Later names a stream of a job that is made when a worker first asks for it: most jobs never do.
type Later string

// The streams that are made later.
const (
	LaterValues Later = "values" // large values
	LaterDead   Later = "dead"   // dead letters
	LaterInput  Later = "input"  // input logs of live sources
)

// Answers to a chore that was not done.
const (
	ChoreAgain = "again" // it is to be asked for again: the server was in trouble, or the coordinator is on its way out
	ChoreFull  = "full"  // the server has no room for it
)

// Printed is what a printer has printed, as whole lines, or what a node tells of its faults.
type Printed struct {
	Worker string `json:"worker"`
	Node   string `json:"node"`
	Text   string `json:"text,omitempty"`
	Lost   int    `json:"lost,omitempty"` // lines behind these that were not sent: there were too many
	// Faults, when there are any, says that the text is of the last of so many, which the job survives.
	Faults int `json:"faults,omitempty"`
}

// Sign is what a worker tells the coordinator now and then of a job that it is at.
type Sign struct {
	Worker  string `json:"worker"`
	Run     uint64 `json:"run"`               // the job's generation
	Left    bool   `json:"left,omitempty"`    // what it had in hand is committed or given back, and it does no more
	Busy    bool   `json:"busy,omitempty"`    // nodes are at work, or wait before they try again
	Sources []int  `json:"sources,omitempty"` // steps whose splits it reads, or lists
}
