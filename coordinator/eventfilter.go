package coordinator

import (
	"slices"

	"sluice/recipe"
)

// EventTypes are all types of events.
var EventTypes = []EventType{EventState, EventProgress, EventPrint, EventError, EventWorker}

// Levels are all levels of events.
var Levels = []Level{LevelInfo, LevelSuccess, LevelWarning, LevelError}

// maxJobID bounds the id of a job that somebody asks for.
const maxJobID = 64

// EventFilter says which events of a project are wanted. The zero value is all.
type EventFilter struct {
	Job    recipe.JobID `json:"job,omitempty"`    // "" for all jobs, and what is of no job
	Types  []EventType  `json:"types,omitempty"`  // none for all
	Levels []Level      `json:"levels,omitempty"` // none for all
}

// Check returns a fault of the family Invalid where the filter asks for what can't be.
func (f *EventFilter) Check() error {
	if len(f.Job) > maxJobID || !wordLike(string(f.Job)) {
		return Faultf(Invalid, "the job of a filter is an id of letters and digits")
	}
	if len(f.Types) > len(EventTypes) || len(f.Levels) > len(Levels) {
		return Faultf(Invalid, "a filter names each type and each level once")
	}
	for _, t := range f.Types {
		if !slices.Contains(EventTypes, t) {
			return Faultf(Invalid, "no such type of events: %.40q; there are %v", string(t), EventTypes)
		}
	}
	for _, l := range f.Levels {
		if !slices.Contains(Levels, l) {
			return Faultf(Invalid, "no such level of events: %.40q; there are %v", string(l), Levels)
		}
	}
	return nil
}

// Matches reports whether an event is one of those wanted.
func (f *EventFilter) Matches(e *Event) bool {
	return (f.Job == "" || f.Job == e.Job) &&
		(len(f.Types) == 0 || slices.Contains(f.Types, e.Type)) &&
		(len(f.Levels) == 0 || slices.Contains(f.Levels, e.Level))
}

// wordLike reports whether a text has ASCII letters, digits, - and _ alone.
func wordLike(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
