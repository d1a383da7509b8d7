package library

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sluice/coordinator"
	"sluice/recipe"
)

// Bounds on a submission, beside those on documents and parameters.
const (
	MaxLabels   = 32
	maxLabelKey = 63
	maxLabel    = 256 // bytes of a label's value
	maxKey      = 200 // of an idempotency key
	MaxPriority = 10  // and -MaxPriority is the least
)

// Submission is what a user asks for. Either Recipe or Document is set.
type Submission struct {
	Owner    string
	Key      string // by which the same submission is known again; "" for none
	Recipe   string // a saved one: NAME, NAME@latest or NAME@VERSION
	Document *Document
	Params   map[string]any
	Labels   map[string]string
	Priority int
	Deadline time.Time // zero for none
	// Within is a deadline from when the job is written down on; zero for none. It is that of the same
	// submission whenever it comes, which a Deadline that was reckoned anew would not be.
	Within time.Duration `json:",omitzero"`
	Seed   uint64        // of the random kinds
}

// Document is a recipe that is sent along.
type Document struct {
	Label string            `json:"file,omitempty"` // what diagnostics call it
	Text  string            `json:"text"`
	Files map[string]string `json:"files,omitempty"` // what it includes by relative paths, by path from its folder
}

// source returns a source of a document that was sent along.
func (d *Document) source() (Source, error) { return Sent(d.Label, d.Text, d.Files) }

// until is the submission's deadline, zero for none.
func (s *Submission) until(now time.Time) time.Time {
	if s.Within > 0 {
		return now.Add(s.Within).UTC()
	}
	return s.Deadline.UTC()
}

var labelKey = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$`)

// check refuses what passes a bound.
func (s *Submission) check(now time.Time) error {
	switch {
	case (s.Recipe == "") == (s.Document == nil):
		return coordinator.Faultf(coordinator.Invalid, "a submission names a saved recipe or brings a document, and not both")
	case s.Priority < -MaxPriority || s.Priority > MaxPriority:
		return coordinator.Faultf(coordinator.Invalid, "the priority is %d; it is from %d to %d", s.Priority, -MaxPriority, MaxPriority)
	case s.Within != 0 && !s.Deadline.IsZero():
		return coordinator.Faultf(coordinator.Invalid, "a deadline and deadline_in are given; one of them is meant")
	case s.Within < 0:
		return coordinator.Faultf(coordinator.Invalid, "deadline_in is %s; it is above 0", s.Within)
	case !s.Deadline.IsZero() && !s.Deadline.After(now):
		return coordinator.Faultf(coordinator.Invalid, "the deadline %s is over already", s.Deadline.UTC().Format(time.RFC3339))
	}
	if err := checkKey(s.Key); err != nil {
		return err
	}
	return checkLabels(s.Labels)
}

func checkKey(key string) error {
	if len(key) > maxKey || strings.ContainsFunc(key, unprintable) {
		return coordinator.Faultf(coordinator.Invalid, "the idempotency key has %d bytes; it is printable text of at most %d", len(key), maxKey)
	}
	return nil
}

func checkLabels(labels map[string]string) error {
	if len(labels) > MaxLabels {
		return coordinator.Faultf(coordinator.TooLarge, "the job has %d labels; at most %d are allowed", len(labels), MaxLabels)
	}
	for k, v := range labels {
		if len(k) > maxLabelKey || !labelKey.MatchString(k) {
			return coordinator.Faultf(coordinator.Invalid, "%q can't be a label: its name has at most %d letters, digits, dots, dashes, slashes and underscores", clip(k, maxLabelKey), maxLabelKey)
		}
		if len(v) > maxLabel || !utf8.ValidString(v) || strings.ContainsFunc(v, unprintable) {
			return coordinator.Faultf(coordinator.Invalid, "the label %s has a value of %d bytes; it is printable text of at most %d", k, len(v), maxLabel)
		}
	}
	return nil
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// ids are letters and digits, in lower case.
var ids = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// id returns the id of the submission's job: made of the project, the owner and the key, so that
// it is the same when that comes again, and random without a key.
func (s *Submission) id(project string) recipe.JobID { return idOf(project, s.Owner, s.Key) }

func idOf(project, owner, key string) recipe.JobID {
	if key == "" {
		return recipe.JobID(strings.ToLower(rand.Text()[:16]))
	}
	return coordinator.KeyedID("job", project, owner, key)
}

// hashed is the SHA-256 of several texts, each with its length.
func hashed(texts ...string) [32]byte {
	b, _ := json.Marshal(texts) // texts always encode
	return sha256.Sum256(b)
}

// body is the digest of all that a submission asks for, "" without a key. It is what was written
// and not what latest means now, so that a submission that comes again later is the same.
func (s *Submission) body() (string, error) {
	if s.Key == "" {
		return "", nil
	}
	asks := *s
	asks.Owner, asks.Key, asks.Deadline = "", "", s.Deadline.UTC()
	b, err := json.Marshal(asks)
	if err != nil {
		return "", coordinator.Faultf(coordinator.Invalid, "the submission can't be written as JSON: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}
