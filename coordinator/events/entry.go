package events

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"sluice/coordinator"
	"sluice/internal/bus"
)

// The subject of an event is sluice.events.JOB.TYPE.PLACE: JOB is _ for the project itself;
// PLACE is 0, but those of progress take turns in lastProgress places, each of which holds one,
// and what is to be there once is stored as the first of its own place alone.
const (
	prefix       = "sluice.events."
	noJob        = "_"
	lastProgress = 4
	placeOnce    = "once"
)

// Bounds of one event.
const (
	maxText = 16 << 10 // bytes; the rest is cut off
	maxData = 4 << 20  // bytes of JSON, the progress of the largest recipe; more is left out
)

// Entry is an event as it is stored: ID is set, and Data is JSON.
type Entry struct {
	coordinator.Event
	raw  json.RawMessage // Data
	size int             // about its bytes in memory
	wire func() []byte

	worker func() *coordinator.Worker // that it tells of; nil where it tells of none
}

// JSON returns the event as viewers get it: one object without line ends. Viewers share it:
// it must not be changed.
func (e *Entry) JSON() []byte { return e.wire() }

// subject is where an event is stored; turn counts those of progress of its job.
func subject(e *coordinator.Event, turn uint64) string {
	job, place := string(e.Job), "0"
	if job == "" {
		job = noJob
	}
	switch {
	case e.Once:
		place = placeOnce
	case e.Type == coordinator.EventProgress:
		place = strconv.FormatUint(turn%lastProgress, 10)
	}
	return prefix + job + "." + string(e.Type) + "." + place
}

// subjects matches the subjects of all events that a filter lets through, and perhaps of more.
func subjects(f *coordinator.EventFilter) string {
	job, typ := "*", "*"
	if f.Job != "" {
		job = string(f.Job)
	}
	if len(f.Types) == 1 {
		typ = string(f.Types[0])
	}
	return prefix + job + "." + typ + ".*"
}

// tidy brings an event into its bounds. What is of no known type or level is shown as an error.
func tidy(e coordinator.Event) coordinator.Event {
	if !slices.Contains(coordinator.EventTypes, e.Type) {
		e.Type = coordinator.EventError
	}
	if !slices.Contains(coordinator.Levels, e.Level) {
		e.Level = coordinator.LevelError
	}
	if e.At.IsZero() {
		e.At = time.Now().UTC()
	}
	e.ID = 0
	if len(e.Text) > maxText {
		cut := maxText
		for cut > 0 && !utf8.RuneStart(e.Text[cut]) {
			cut--
		}
		e.Text = fmt.Sprintf("%s… (%d bytes more)", e.Text[:cut], len(e.Text)-cut)
	}
	return e
}

// encode returns an event as it is stored.
func encode(e *coordinator.Event) ([]byte, error) {
	raw, err := json.Marshal(e.Data)
	if err != nil || len(raw) > maxData {
		left := *e
		left.Text = strings.TrimSpace(fmt.Sprintf("%s (its data is left out: %d bytes)", e.Text, len(raw)))
		left.Data = nil
		return bus.EncodeRecord(&left)
	}
	if e.Data != nil {
		whole := *e
		whole.Data = json.RawMessage(raw)
		e = &whole
	}
	return bus.EncodeRecord(e)
}

// stored is an event of which Data is left as it is.
type stored struct {
	coordinator.Event
	Data json.RawMessage `json:"data,omitempty"`
}

// read makes an entry of what is stored.
func read(m *bus.Stored) (*Entry, error) {
	var s stored
	if err := bus.DecodeRecord(m.Data, &s); err != nil {
		return nil, err
	}
	e := &Entry{Event: s.Event, raw: s.Data, size: 2*(len(s.Data)+len(s.Text)) + 512} // as it is, and as viewers get it
	e.ID = m.Seq
	if len(s.Data) > 0 {
		e.Data = s.Data
	}
	e.worker = sync.OnceValue(func() *coordinator.Worker {
		var w coordinator.Worker
		if e.Type != coordinator.EventWorker || json.Unmarshal(e.raw, &w) != nil {
			return nil
		}
		return &w
	})
	e.wire = sync.OnceValue(func() []byte {
		b, err := json.Marshal(&e.Event)
		if err != nil { // it was decoded from JSON
			return []byte(`{}`)
		}
		return b
	})
	return e, nil
}
