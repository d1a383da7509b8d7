package bus

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"sluice/recipe"
)

// Streams of the fleet. Both are the coordinator's to make: a worker only publishes there.
const (
	// WorkersStream keeps the last word of each worker for three of its beats.
	WorkersStream = "SLUICE_WORKERS"
	// KindsStream keeps what workers have said of the kinds that they serve, for good.
	KindsStream = "SLUICE_KINDS"

	workersPrefix = "sluiceworkers."
	kindsPrefix   = "sluicekinds."
)

// BeatsToLive is after how many beats without a word a worker is taken for gone.
const BeatsToLive = 3

// EnsureFleet makes the streams of the fleet. replicas is 1 when 0. The words of workers are
// kept in a file too, short as they live: a stream in memory starts at sequence 1 again with
// its server, and who follows it would hear nothing until it has passed where it was.
func (c *Conn) EnsureFleet(ctx context.Context, replicas int) error {
	err := c.EnsureStream(ctx, StreamConfig{Name: WorkersStream, Subjects: []string{workersPrefix + "*"}, MaxMsgsPerSubject: 1,
		AllowTTL: true, AllowDirect: true, Replicas: replicas})
	if err != nil {
		return err
	}
	return c.EnsureStream(ctx, StreamConfig{Name: KindsStream, Subjects: []string{kindsPrefix + "*.*.*"}, MaxMsgsPerSubject: 1, DiscardNew: true,
		AllowDirect: true, Replicas: replicas})
}

// EnsureJobs makes the stream of job records. replicas is 1 when 0. Workers and coordinators need it.
func (c *Conn) EnsureJobs(ctx context.Context, replicas int) error {
	return c.EnsureStream(ctx, StreamConfig{Name: JobsStream, Subjects: []string{JobsFilter}, MaxMsgsPerSubject: 1, AllowDirect: true, Replicas: replicas})
}

// WorkerRecord is what a worker says of itself, at every beat.
type WorkerRecord struct {
	Name        string        `json:"name"`
	Host        string        `json:"host,omitempty"`
	PID         int           `json:"pid"`
	Version     string        `json:"version,omitempty"` // of its build
	Started     time.Time     `json:"started"`           // by the worker's clock, to be shown: Start and Since tell starts apart
	Start       string        `json:"start,omitempty"`   // drawn at random at each start; builds before this one don't say
	Since       uint64        `json:"since,omitempty"`   // sequence of the first word behind this start; 0 until that is known to be stored
	Pool        string        `json:"pool,omitempty"`    // "*" is every pool
	Concurrency int           `json:"concurrency"`       // frames computed at once
	Kinds       []KindVersion `json:"kinds"`
	Gates       bool          `json:"gates"`             // it runs gates, too
	NoRoot      bool          `json:"no_root,omitempty"` // it touches no file system; builds before this one don't say
	Formats     Formats       `json:"formats"`
	Key         []byte        `json:"key,omitempty"`     // public, to seal secrets to
	Jobs        int           `json:"jobs"`              // in hand
	Busy        int           `json:"busy"`              // frames that are being computed
	Refused     []RefusedJob  `json:"refused,omitempty"` // jobs that it leaves to others, at most 16 of them
	Draining    bool          `json:"draining,omitempty"`
	Left        bool          `json:"left,omitempty"`
	Beat        time.Duration `json:"beat"`
}

// KindVersion is a kind in a version of its behaviour.
type KindVersion struct {
	Kind    string `json:"kind"`
	Version int    `json:"version"`
}

// RefusedJob is a job that a worker can't serve, whatever its kinds are.
type RefusedJob struct {
	Job recipe.JobID `json:"job"`
	Why string       `json:"why"`
}

// Formats are the versions of the forms that a build reads: of frames, with the ledger's
// entries and all else that is stored of a job, and of plans.
type Formats struct {
	Frames []int `json:"frames"`
	Plans  []int `json:"plans"`
}

// ReadFormats are those of this build.
func ReadFormats() Formats {
	return Formats{Frames: []int{FrameVersion}, Plans: []int{recipe.PlanVersion}}
}

// WorkerSubject is the subject of a worker's announcement. Any name makes a subject of its own.
func WorkerSubject(name string) string { return workersPrefix + token(name) }

// KindSubject is the subject of what is said of a kind: of one version, in these very words.
// So whoever says the same finds it said.
func KindSubject(k KindVersion, said []byte) string {
	sum := sha256.Sum256(said)
	return fmt.Sprintf("%s%s.%d.%x", kindsPrefix, token(k.Kind), k.Version, sum[:8])
}

// token makes one subject token of any text: bytes other than letters, digits, - and _ become
// = and two digits.
func token(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	if b.Len() == 0 {
		return "="
	}
	return b.String()
}

// WorkerTTL is how long the server keeps a worker's word: BeatsToLive beats, in whole seconds.
func WorkerTTL(beat time.Duration) time.Duration {
	return max(time.Second, (BeatsToLive*beat + time.Second - 1).Truncate(time.Second))
}
