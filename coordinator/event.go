package coordinator

import (
	"time"

	"sluice/recipe"
)

// Event is something that happened to a job, or to a project when Job is "".
type Event struct {
	ID    uint64       `json:"id,omitempty"` // grows within a project; who knows it can ask for what came behind
	Job   recipe.JobID `json:"job,omitempty"`
	Type  EventType    `json:"type"`
	Level Level        `json:"level"`
	At    time.Time    `json:"at"`
	Text  string       `json:"text,omitempty"` // for people; never a secret
	Node  string       `json:"node,omitempty"`
	Data  any          `json:"data,omitempty"` // of progress: a recipe.Progress; of a state: a Status
	// Once says that a job has one such event: it is stored unless one is, whoever tells of it.
	Once bool `json:"-"`
}

// EventType says what sort of thing happened.
type EventType string

// The types of events.
const (
	EventState    EventType = "state"    // a job came into another state, or waits for another reason
	EventProgress EventType = "progress" // counts and rates by step
	EventPrint    EventType = "print"    // what a printer of the job printed
	EventError    EventType = "error"    // something went wrong that the job survives
	EventWorker   EventType = "worker"   // a worker came or left
)

// Level says how an event is to be taken.
type Level string

// The levels of events.
const (
	LevelInfo    Level = "info"
	LevelSuccess Level = "success"
	LevelWarning Level = "warning"
	LevelError   Level = "error"
)

// LevelOf returns the level of a job that came into a state.
func LevelOf(s recipe.JobState) Level {
	switch s {
	case recipe.JobSucceeded:
		return LevelSuccess
	case recipe.JobFailed:
		return LevelError
	case recipe.JobCancelled, recipe.JobStopped:
		return LevelWarning
	}
	return LevelInfo
}
